"""What only PostgreSQL does: partitions that nobody waits for, roles, and failures in one line."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, text, update

from app.database import open_engine, transaction
from app.errors import ConfigurationError, StoreFailure
from app.marts.catalog import run_lock_table
from app.marts.tables import RUN_TABLES
from app.warehouse import postgres as under_test
from app.warehouse.base import Warehouse
from app.warehouse.lock import RunLock
from tests.support.landed import landed
from tests.support.movies import MOVIES, stored
from tests.support.ports import free_port
from tests.support.postgres import PASSWORD, PostgresServer
from tests.support.program import command
from tests.support.small import movies
from tests.support.world import World


@pytest.fixture
def implementation() -> str:
    """PostgreSQL alone."""
    return "postgres"


def notices(engine: Engine, opened: Warehouse) -> list[str]:
    """Load a run and return what the server tells of it at its most talkative."""
    told: list[str] = []
    with landed("a", MOVIES) as files, transaction(engine) as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.add_notice_handler(lambda said: told.append(str(said.message_primary)))
        connection.exec_driver_sql("SET LOCAL client_min_messages = debug1")
        opened.load(connection, 1, files)
    return told


def test_attaching_looks_at_no_row(engine: Engine, opened: Warehouse) -> None:
    told = [line for line in notices(engine, opened) if line.startswith("partition constraint for table")]
    implied = "is implied by existing constraints"
    assert [implied in line for line in told] == [True] * len(RUN_TABLES)


def test_a_partition_has_what_its_table_declares(world: World) -> None:
    indexed = """
        SELECT count(*) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE relkind = 'i' AND inhparent = ANY (SELECT oid FROM pg_class WHERE relkind = 'I')
    """
    with world.engine.connect() as connection:
        attached = connection.execute(text(indexed)).scalar_one()
        left = connection.execute(text("SELECT count(*) FROM pg_constraint WHERE conname = 'of_run'"))
        estimated = connection.execute(
            text("SELECT reltuples FROM pg_class WHERE relname = 'mart_year_run_1'")
        )
        assert estimated.scalar_one() == len(stored("year", MOVIES))
        assert left.scalar_one() == 0
    assert attached == 4 * sum(1 + len(table.indexes) for table in RUN_TABLES.values())


def test_a_run_that_is_read_is_deleted_as_soon_as_it_is_not(world: World) -> None:
    done = threading.Event()

    def delete() -> None:
        with transaction(world.engine) as connection:
            world.warehouse.delete(connection, 1)
        done.set()

    with world.engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM mart_year WHERE run = 2"))
        deleter = threading.Thread(target=delete)
        deleter.start()
        assert not done.wait(0.3)
        reader.execute(text("SELECT count(*) FROM dim_genre WHERE run = 1"))  # waits a second at most
        reader.rollback()
    deleter.join()
    assert done.is_set()


def test_a_run_that_is_read_all_the_time_is_not_deleted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "_DROP_TIMEOUT_MS", 50)
    monkeypatch.setattr(under_test, "_BETWEEN_DROPS_S", 0.01)
    with world.engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM mart_year WHERE run = 1"))
        with (
            pytest.raises(StoreFailure, match="cannot be deleted while its tables are being read"),
            transaction(world.engine) as connection,
        ):
            world.warehouse.delete(connection, 1)
        assert reader.execute(text("SELECT count(*) FROM mart_year WHERE run = 1")).scalar_one() > 0


def test_the_heart_beats_while_a_run_is_loaded(engine: Engine) -> None:
    """The load holds on to the lock's row; who keeps it fresh does not wait for that."""
    held = RunLock(engine, "a")
    held.end()
    now = datetime.now(UTC)
    place = {"name": "etl", "run_id": "a", "location": "", "machine": "", "process": ""}
    with transaction(engine) as connection:
        connection.execute(insert(run_lock_table).values(**place, acquired_at=now, heartbeat_at=now))
    with transaction(engine) as loading, transaction(engine) as beating:
        held.check(loading)
        beating.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
        assert beating.execute(update(run_lock_table).values(heartbeat_at=now)).rowcount == 1


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (lambda url: url.replace(PASSWORD, "wrong-battery"), "password authentication failed"),
        (lambda url: url.rpartition("/")[0] + "/nowhere", 'database "nowhere" does not exist'),
        (lambda url: url.rpartition(":")[0] + f":{free_port()}/postgres", "Connection refused"),
    ],
    ids=["password", "database", "port"],
)
def test_a_server_that_cannot_be_reached_is_one_line(
    postgres: PostgresServer, tmp_path: Path, spoilt: object, said: str
) -> None:
    assert callable(spoilt)
    url = spoilt(postgres.url())
    delivery = movies(tmp_path / "a.csv", 3)
    for arguments in (("etl", "runs"), ("etl", "run", str(delivery)), ("db", "current"), ("db", "upgrade")):
        done = command(tmp_path, *arguments, APP_WAREHOUSE_URL=url)
        assert (done.status, done.stdout, done.stderr.count("\n")) == (6, "", 1)
        assert said in done.stderr
        assert "battery" not in done.stderr


def test_urls_of_another_driver_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="write postgresql://"):
        open_engine("postgresql+psycopg2://localhost/x")


def test_the_urls_own_options_stay() -> None:
    engine = open_engine("postgresql://u:p@h/d?connect_timeout=3&options=-c%20lock_timeout%3D7s")
    assert (engine.url.query["connect_timeout"], engine.url.query["options"]) == ("3", "-c lock_timeout=7s")
    assert engine.url.query["application_name"] == "movie-marts"
