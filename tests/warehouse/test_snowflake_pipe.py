"""A run that waits for Snowpipe: its rows come in time, too late or twice. Another connection plays it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import insert, select
from sqlalchemy.engine import make_url

from app.database import upgrade
from app.database.snowflake import open_snowflake
from app.errors import StoreFailure
from app.marts.catalog import run_table
from app.marts.tables import RUN_TABLES
from app.warehouse import snowflake_landing
from app.warehouse.base import LandedRun, Warehouse
from app.warehouse.snowflake import SnowflakeWarehouse
from app.warehouse.snowflake_landing import LANDING
from tests.support.landed import landed
from tests.support.loading import load, rows, wanted
from tests.support.movies import MOVIES
from tests.support.snowflake import SnowflakeServer
from tests.support.warehouses import loaded_runs

Open = Callable[[int], Warehouse]


@pytest.fixture
def waiting(snowflake: SnowflakeServer, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens an empty warehouse at head whose runs wait so many seconds for Snowpipe."""
    monkeypatch.setattr(snowflake_landing, "POLL_S", 0.05)

    def opened(seconds: int) -> Warehouse:
        url = snowflake.url("s3://bucket/marts", ingest="pipe", ingest_timeout=str(seconds))
        made = SnowflakeWarehouse(open_snowflake(make_url(url), **snowflake.connect))
        upgrade(made.engine, "warehouse")
        return made

    return opened


@pytest.fixture
def run() -> Iterator[LandedRun]:
    """A run that has landed."""
    with landed("a", MOVIES) as made:
        yield made


def arrive(warehouse: Warehouse, table: str, run_id: str = "a") -> None:
    """Do what a pipe does when it is told of a file: its rows are there at once."""
    came = [{"run_id": run_id, "way": "pipe", **row} for row in wanted(table, MOVIES)]
    with warehouse.engine.begin() as connection:
        connection.execute(insert(LANDING[table]).values(came))


@contextmanager
def arriving(warehouse: Warehouse) -> Iterator[None]:
    """Let the files of a run come one after the other, beside the block."""

    def come() -> None:
        for table in RUN_TABLES:
            arrive(warehouse, table)

    pipe = threading.Thread(target=come)
    pipe.start()
    yield
    pipe.join(timeout=10)


def assert_nothing_is_loaded(warehouse: Warehouse) -> None:
    with warehouse.engine.connect() as connection:
        assert connection.execute(select(run_table)).all() == []
        assert loaded_runs(connection) == set()


def test_a_run_is_loaded_when_all_its_rows_have_come(waiting: Open, run: LandedRun) -> None:
    warehouse = waiting(60)
    arrive(warehouse, "year", run_id="another")
    with arriving(warehouse):
        number = load(warehouse, run)
    for name in RUN_TABLES:
        assert rows(warehouse, name, number) == wanted(name, MOVIES)


def test_a_run_that_waited_too_long_says_what_was_missing_and_can_go_on(
    waiting: Open, run: LandedRun
) -> None:
    warehouse = waiting(1)
    for table in ("year", "genre", "production_company", "company_year", "company_genre_year"):
        arrive(warehouse, table)
    reason = (
        f"genre_year 0 of {run.rows['genre_year']} rows after 1 s; see SYSTEM.PIPE_STATUS.*app etl load a"
    )
    with pytest.raises(StoreFailure, match=reason) as failure:
        load(warehouse, run)
    assert "company_year" not in failure.value.message
    assert_nothing_is_loaded(warehouse)
    arrive(warehouse, "genre_year")
    number = load(warehouse, run)
    assert rows(warehouse, "genre_year", number) == wanted("genre_year", MOVIES)


def test_a_file_that_came_twice_is_not_loaded(waiting: Open, run: LandedRun) -> None:
    warehouse = waiting(60)
    for table in (*RUN_TABLES, "genre"):
        arrive(warehouse, table)
    count = run.rows["genre"]
    with pytest.raises(
        StoreFailure, match=f"genre {2 * count} of {count} rows.*twice.*APP_SNOWFLAKE_INGEST=copy"
    ):
        load(warehouse, run)
    assert_nothing_is_loaded(warehouse)
