"""Every warehouse that the contract suite (``tests/warehouse``) runs on: a line each."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from app.database import upgrade
from app.marts.tables import RUN_TABLES, landed_columns
from app.settings import Settings
from app.warehouse.base import Warehouse
from app.warehouse.opening import ready_warehouse
from tests.support.landed import COLUMNS
from tests.support.movies import Row
from tests.support.postgres import PostgresServer
from tests.support.redshift import RedshiftOnPostgres
from tests.support.snowflake import FakeSnowflake, SnowflakeServer

#: Gives an empty warehouse at head, of the test's own; the folder is ``APP_HOME``.
Opener = Callable[[pytest.FixtureRequest, Path], Warehouse]


def _sqlite(_: pytest.FixtureRequest, home: Path) -> Warehouse:
    return ready_warehouse(Settings(home=home, _env_file=None).warehouse)


def _postgres(request: pytest.FixtureRequest, _: Path) -> Warehouse:
    server: PostgresServer = request.getfixturevalue("postgres")
    return ready_warehouse(server.create())


def _redshift(request: pytest.FixtureRequest, _: Path) -> Warehouse:
    server: PostgresServer = request.getfixturevalue("postgres")
    opened = RedshiftOnPostgres(server.create(template=None))
    upgrade(opened.engine, "warehouse")
    return opened


def _snowflake(request: pytest.FixtureRequest, home: Path) -> Warehouse:
    server: SnowflakeServer = request.getfixturevalue("snowflake")
    opened = FakeSnowflake(server, home / "stage")
    upgrade(opened.engine, "warehouse")
    return opened


IMPLEMENTATIONS: Mapping[str, Opener] = {
    "sqlite": _sqlite,
    "postgres": _postgres,
    "redshift": _redshift,
    "snowflake": _snowflake,
}

#: Those where a writer waits for another; the fake of Snowflake fails at once, which the real one does not.
TAKE_TURNS = ("sqlite", "postgres", "redshift")

#: Those where the run lock is a row.
ROW_LOCKED = ("sqlite", "postgres")


def rows(connection: Connection, name: str, run: int) -> list[Row]:
    """Return the rows that a table has of a run, by key, as its landed columns; millionths are integers."""
    table = RUN_TABLES[name]
    found = select(*landed_columns(table)).where(table.c.run == run).order_by(*table.primary_key)
    return [{column: row[column] for column in COLUMNS[name]} for row in connection.execute(found).mappings()]


def loaded_runs(connection: Connection) -> set[int]:
    """Return the numbers of the runs that have rows, the same ones in every table."""
    found = {
        frozenset(connection.execute(select(table.c.run).distinct()).scalars())
        for table in RUN_TABLES.values()
    }
    [same] = found
    return set(same)
