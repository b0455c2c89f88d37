"""Snowflake over its own connector and dialect, with a fake behind HTTP; what that cannot run is golden."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.engine import make_url

from app.database import current, downgrade, head, sole_writer, transaction, upgrade
from app.database.snowflake import open_snowflake
from app.errors import ConfigurationError, StoreFailure
from app.marts.catalog import publication_table, run_table
from app.marts.tables import RUN_TABLES
from app.warehouse.base import Warehouse
from app.warehouse.publish import publish, rollback
from app.warehouse.snowflake import SnowflakeWarehouse
from app.warehouse.snowflake_landing import LANDING
from tests.support.landed import landed
from tests.support.loading import load, rows, wanted
from tests.support.movies import LATER, MOVIES, Movie, stored
from tests.support.recorded import golden
from tests.support.snowflake import FakeSnowflake, SnowflakeServer

Add = Callable[..., int]
RUN_ID = "20260102T030405678900Z-abcdef"


@pytest.fixture
def said() -> list[str]:
    """What was said to the database."""
    return []


@pytest.fixture
def blank(snowflake: SnowflakeServer, tmp_path: Path, said: list[str]) -> Warehouse:
    """A database without any table, whose stage is a folder."""
    return FakeSnowflake(snowflake, tmp_path, said)


@pytest.fixture
def warehouse(blank: Warehouse, said: list[str]) -> Warehouse:
    """An empty warehouse at head."""
    upgrade(blank.engine, "warehouse")
    said.clear()
    return blank


@pytest.fixture
def add(warehouse: Warehouse) -> Add:
    """Loads a run of movies, of which so many rows more are said to have landed; returns its number."""

    def added(run_id: str, movies: Sequence[Movie], **more: int) -> int:
        with landed(run_id, movies) as local:
            counts = {name: count + more.get(name, 0) for name, count in local.rows.items()}
            return load(warehouse, replace(local, rows=counts))

    return added


def landing_rows(warehouse: Warehouse) -> dict[str, int]:
    with warehouse.engine.connect() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in LANDING.items()
        }


def reviewable(said: list[str], folder: Path) -> str:
    return "\n".join(line for line in said if " INTO run " not in line).replace(
        folder.as_uri(), "s3://bucket/marts"
    )


def test_the_migrations_say_what_was_reviewed(blank: Warehouse, said: list[str], tmp_path: Path) -> None:
    upgrade(blank.engine, "warehouse")
    assert reviewable(said, tmp_path) == golden("snowflake/upgrade")
    assert current(blank.engine, "warehouse") == head("warehouse")


def test_a_load_says_what_was_reviewed(add: Add, said: list[str], tmp_path: Path) -> None:
    add(RUN_ID, MOVIES)
    assert reviewable(said, tmp_path) == golden("snowflake/load")


def test_a_migration_that_was_cut_short_goes_on(warehouse: Warehouse) -> None:
    """None of its statements can be undone: they have to pass over what is there."""
    with transaction(warehouse.engine) as connection:
        connection.execute(text("DELETE FROM alembic_version_warehouse"))
    upgrade(warehouse.engine, "warehouse")
    assert current(warehouse.engine, "warehouse") == head("warehouse")
    with warehouse.engine.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM writer")).scalar_one() == 1


def test_migrations_are_undone(warehouse: Warehouse) -> None:
    downgrade(warehouse.engine, "warehouse", "base")
    assert current(warehouse.engine, "warehouse") is None
    upgrade(warehouse.engine, "warehouse")


def test_a_migration_needs_the_storage_integration(snowflake: SnowflakeServer) -> None:
    url = make_url(snowflake.url("s3://bucket/marts")).difference_update_query(["storage_integration"])
    with pytest.raises(ConfigurationError, match="set APP_SNOWFLAKE_STORAGE_INTEGRATION"):
        upgrade(open_snowflake(url, **snowflake.connect), "warehouse")


def test_all_rows_of_each_run_are_loaded_and_read(warehouse: Warehouse, add: Add) -> None:
    first = add("a", MOVIES)
    second = add("b", LATER)
    for name in RUN_TABLES:
        assert rows(warehouse, name, first) == wanted(name, MOVIES)
        assert rows(warehouse, name, second) == wanted(name, LATER)
    assert set(landing_rows(warehouse).values()) == {0}


def test_a_file_without_all_its_rows_is_not_loaded(warehouse: Warehouse, add: Add) -> None:
    count = len(stored("genre_year", MOVIES))
    reason = f"genre_year {count} of {count + 2} rows, genre {len(stored('genre', MOVIES))} of"
    with pytest.raises(StoreFailure, match=reason):
        add("a", MOVIES, genre_year=2, genre=1)
    with warehouse.engine.connect() as connection:
        assert connection.execute(select(run_table)).all() == []
        assert connection.execute(select(RUN_TABLES["year"])).all() == []
    assert set(landing_rows(warehouse).values()) == {0}


def test_what_a_killed_run_staged_is_replaced(warehouse: Warehouse, add: Add) -> None:
    with landed("a", MOVIES) as local:
        warehouse.stage(local)
    assert landing_rows(warehouse)["year"] == len(stored("year", MOVIES))
    run = add("a", MOVIES)
    assert rows(warehouse, "year", run) == wanted("year", MOVIES)
    assert set(landing_rows(warehouse).values()) == {0}


def test_runs_are_published_rolled_back_and_deleted(warehouse: Warehouse, add: Add, tmp_path: Path) -> None:
    runs = [add(name, MOVIES) for name in "ab"]
    with sole_writer(warehouse.engine, publication_table) as connection:
        publish(connection, "a")
        assert publish(connection, "b").status == "published"
    with sole_writer(warehouse.engine, publication_table) as connection:
        assert rollback(connection).run_id == "a"
    with landed("b", MOVIES) as local:
        warehouse.stage(local)
    with sole_writer(warehouse.engine, publication_table) as connection:
        warehouse.delete(connection, runs[1])
    assert set(landing_rows(warehouse).values()) == {0}
    for name in RUN_TABLES:
        assert rows(warehouse, name, runs[1]) == []
        assert rows(warehouse, name, runs[0]) == wanted(name, MOVIES)


def test_a_run_that_landed_elsewhere_is_told_so(warehouse: Warehouse) -> None:
    with landed("a", MOVIES) as local, pytest.raises(ConfigurationError, match="set APP_DESTINATION"):
        SnowflakeWarehouse(warehouse.engine).stage(local)


def test_so_is_a_destination_that_is_not_on_the_stage() -> None:
    named = {"stage_url": "s3://bucket/marts/", "ingest": "pipe"}
    engine = create_engine("sqlite://").execution_options(**named)
    opened = SnowflakeWarehouse(engine)
    opened.check("s3://bucket/marts")
    with pytest.raises(ConfigurationError, match="Snowflake reads what has landed below s3://bucket/marts/"):
        opened.check("s3://bucket/marts2")
    with pytest.raises(ConfigurationError, match="leave out --destination"):
        opened.check("s3://bucket/marts/below")
    SnowflakeWarehouse(engine.execution_options(ingest="copy")).check("s3://bucket/marts/below")
