"""Redshift over its own dialect and driver, with a PostgreSQL that stands in for it.

What that has no words for is golden SQL, as it would be sent.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.database import current, downgrade, head, open_engine, sole_writer, upgrade
from app.errors import ConfigurationError, StoreFailure
from app.marts.catalog import publication_table, run_table
from app.marts.tables import RUN_TABLES
from app.settings import Settings
from app.warehouse.base import Warehouse
from app.warehouse.opening import open_warehouse
from app.warehouse.publish import publish, rollback
from tests.support.landed import landed
from tests.support.loading import load, rows, wanted
from tests.support.movies import LATER, MOVIES, Movie, stored
from tests.support.postgres import PostgresServer
from tests.support.recorded import golden
from tests.support.redshift import ROLE, RedshiftOnPostgres

Add = Callable[..., int]
RUN_ID = "20260102T030405678900Z-abcdef"


@pytest.fixture
def said() -> list[str]:
    """What was said to the database, as it was meant."""
    return []


@pytest.fixture
def blank(postgres: PostgresServer, said: list[str]) -> Warehouse:
    """A database without any table."""
    return RedshiftOnPostgres(postgres.create(template=None), said)


@pytest.fixture
def redshift(blank: Warehouse, said: list[str]) -> Warehouse:
    """An empty warehouse at head."""
    upgrade(blank.engine, "warehouse")
    said.clear()
    return blank


@pytest.fixture
def add(redshift: Warehouse) -> Add:
    """Loads a run of movies, of which so many rows more are said to have landed; returns its number."""

    def added(run_id: str, movies: Sequence[Movie], **more: int) -> int:
        with landed(run_id, movies) as local:
            rows = {name: count + more.get(name, 0) for name, count in local.rows.items()}
            return load(redshift, replace(local, rows=rows))

    return added


def test_the_migrations_say_what_was_reviewed(blank: Warehouse, said: list[str]) -> None:
    upgrade(blank.engine, "warehouse")
    assert "\n".join(said) == golden("redshift/upgrade")
    assert current(blank.engine, "warehouse") == head("warehouse")


def test_a_load_says_what_was_reviewed(add: Add, said: list[str]) -> None:
    add(RUN_ID, MOVIES)
    assert "\n".join(line for line in said if " INTO run " not in line) == golden("redshift/load")


def test_all_rows_of_each_run_are_loaded_and_read(redshift: Warehouse, add: Add) -> None:
    first = add("a", MOVIES)
    second = add("b", LATER)
    for name in RUN_TABLES:
        assert rows(redshift, name, first) == wanted(name, MOVIES)
        assert rows(redshift, name, second) == wanted(name, LATER)


def test_a_file_without_all_its_rows_is_not_loaded(redshift: Warehouse, add: Add) -> None:
    count = len(stored("genre_year", MOVIES))
    reason = f"genre_year {count} of {count + 2} rows, genre {len(stored('genre', MOVIES))} of"
    with pytest.raises(StoreFailure, match=reason):
        add("a", MOVIES, genre_year=2, genre=1)
    with redshift.engine.connect() as connection:
        assert connection.execute(select(run_table)).all() == []
        assert connection.execute(select(RUN_TABLES["year"])).all() == []


def test_runs_are_published_rolled_back_and_deleted(redshift: Warehouse, add: Add) -> None:
    runs = [add(name, MOVIES) for name in "ab"]
    with sole_writer(redshift.engine, publication_table) as connection:
        publish(connection, "a")
        assert publish(connection, "b").status == "published"
    with sole_writer(redshift.engine, publication_table) as connection:
        assert rollback(connection).run_id == "a"
    with sole_writer(redshift.engine, publication_table) as connection:
        redshift.delete(connection, runs[1])
    for name in RUN_TABLES:
        assert rows(redshift, name, runs[1]) == []
        assert rows(redshift, name, runs[0]) == wanted(name, MOVIES)


def test_what_it_cannot_read_is_told_before_anything_is_done(postgres: PostgresServer) -> None:
    with pytest.raises(ConfigurationError, match="APP_REDSHIFT_IAM_ROLE"):
        open_warehouse("redshift+psycopg2://nobody@127.0.0.1/marts").check("s3://bucket/marts")
    with pytest.raises(ConfigurationError, match=r"cannot read /.*APP_DESTINATION to an s3:// URL"):
        open_warehouse(f"redshift://nobody@127.0.0.1/marts?iam_role={ROLE}").check("/srv/lake")


def test_the_setting_reaches_the_warehouse_and_another_does_not() -> None:
    settings = Settings(warehouse_url="redshift://u:secret@h/marts", redshift_iam_role=ROLE, _env_file=None)
    opened = open_warehouse(settings.warehouse)
    assert opened.engine.get_execution_options()["iam_role"] == ROLE
    assert "iam_role" not in opened.engine.url.query
    plain = Settings(warehouse_url="postgresql://u@h/marts", redshift_iam_role=ROLE, _env_file=None)
    assert plain.warehouse == "postgresql://u@h/marts"


def test_migrations_are_undone(redshift: Warehouse) -> None:
    downgrade(redshift.engine, "warehouse", "base")
    assert current(redshift.engine, "warehouse") is None
    upgrade(redshift.engine, "warehouse")


@pytest.mark.parametrize("url", ["redshift+psycopg2://h/a", "snowflake://h/a"])
def test_accounts_are_not_kept_where_keys_are_not_enforced(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"a (redshift|snowflake) database is not supported"):
        open_engine(url)
