"""The schema of a PostgreSQL warehouse: as declared, partitioned by run, and migrated only when asked to."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text

from app.auth.tables import metadata as accounts
from app.database import current, downgrade, head, open_engine, upgrade
from app.marts.tables import RUN_TABLES
from tests.support.postgres import PostgresServer
from tests.support.program import command
from tests.support.schema import differences, landed_schema


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    """A database with both schemas at head."""
    opened = open_engine(postgres_url)
    yield opened
    opened.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_migrations_build_what_is_declared(engine: Engine) -> None:
    both = landed_schema()
    for table in accounts.tables.values():
        table.to_metadata(both)
    assert differences(engine, both) == []


def test_rows_of_runs_are_partitioned_by_run(engine: Engine) -> None:
    partitioned = "SELECT partrelid::regclass::text, pg_get_partkeydef(partrelid) FROM pg_partitioned_table"
    with engine.connect() as connection:
        keys = {name: key for name, key in connection.execute(text(partitioned))}  # noqa: C416 - rows are no pairs
    assert keys == {table.name: "LIST (run)" for table in RUN_TABLES.values()}


def test_one_history_goes_without_the_other(engine: Engine) -> None:
    downgrade(engine, "warehouse", "base")
    assert current(engine, "warehouse") is None
    assert current(engine, "accounts") == head("accounts")
    assert tables(engine) >= {"client", "signing_key"}
    assert not tables(engine) & {"run", "mart_year", "dim_genre"}
    upgrade(engine, "warehouse")
    assert current(engine, "warehouse") == head("warehouse")


@pytest.mark.parametrize("arguments", [("etl", "runs"), ("etl", "run", "a.csv"), ("clients", "list")])
def test_nothing_but_an_upgrade_migrates(
    postgres: PostgresServer, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    url = postgres.create(template=None)
    named = {"APP_WAREHOUSE_URL": url, "APP_DATABASE_URL": url}
    refused = command(tmp_path, *arguments, **named)
    assert (refused.status, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "run 'app db upgrade'" in refused.stderr
    assert tables(open_engine(url)) == set()


def test_many_processes_migrate_at_once(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.create(template=None)
    named = {"APP_WAREHOUSE_URL": url, "APP_DATABASE_URL": url}
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: command(tmp_path, "db", "upgrade", **named), range(4)))
    assert [(each.status, each.stderr) for each in done] == [(0, "")] * 4
    assert current(open_engine(url), "warehouse") == head("warehouse")
