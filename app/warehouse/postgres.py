"""PostgreSQL: a run's rows are a partition of each table, filled by COPY and attached in one transaction."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import polars as pl
import psycopg
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Table
from sqlalchemy.exc import OperationalError

from app.errors import StoreFailure
from app.marts.tables import RUN_TABLES, Scaled, landed_columns
from app.warehouse.base import Capabilities, LandedRun, OverEngine
from app.warehouse.copied import frames
from app.warehouse.landed import check_arrived
from app.warehouse.parquet import landed_rows

#: Rows that are text at once on their way in.
_ROWS_SENT = 65_536

#: Dropping a partition waits for those who read its table, and keeps new readers waiting meanwhile: less than
#: the second after which PostgreSQL looks for deadlocks, so that no reader is ever the one to be cancelled.
_DROP_TIMEOUT_MS = 900
_DROPS_TRIED = 5
_BETWEEN_DROPS_S = 0.5


class PostgresWarehouse(OverEngine):
    """See ``Warehouse``. No table is ever half there: transactions create and drop them too."""

    capabilities = Capabilities(
        name="PostgreSQL",
        serves=False,
        migrates_itself=False,
        loads_landed=False,
        enforces_keys=True,
        extra="postgres",
        transactional_ddl=True,
        partitions=True,
        tried="PostgreSQL 15",
    )

    def load(self, connection: Connection, run: int, landed: LandedRun) -> None:
        """See ``Warehouse``."""
        for name, table in RUN_TABLES.items():
            copied = _load_partition(connection, table, run, landed_rows(landed, name).collect())
            check_arrived(landed, {name: copied})

    def read(self, connection: Connection, table: Table, run: int) -> Iterator[pl.DataFrame]:
        """See ``Warehouse``."""
        columns = landed_columns(table)
        shown = ", ".join(
            f"({column.name} * {10**column.type.scale})::bigint"
            if isinstance(column.type, Scaled)
            else column.name
            for column in columns
        )
        key = ", ".join(column.name for column in table.primary_key)
        rows = f"SELECT {shown} FROM {table.name} WHERE run = {int(run)} ORDER BY {key}"  # noqa: S608 - our names
        cursor = _driver(connection).cursor()
        with _failures(connection), cursor.copy(f"COPY ({rows}) TO STDOUT (FORMAT csv)") as copy:
            yield from frames(copy, columns)

    def delete(self, connection: Connection, run: int) -> None:
        """See ``Warehouse``.

        Raises:
            StoreFailure: somebody reads the tables, or loads into them, all the time.
        """
        partitions = ", ".join(partition(table, run) for table in RUN_TABLES.values())
        for _ in range(_DROPS_TRIED):
            try:
                with connection.begin_nested():
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_DROP_TIMEOUT_MS}")
                    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {partitions}")
                return
            except OperationalError as error:
                if not isinstance(error.orig, LockNotAvailable):
                    raise
                time.sleep(_BETWEEN_DROPS_S)
        raise StoreFailure("warehouse: a run cannot be deleted while its tables are in use", "try again")


def partition(table: Table, run: int) -> str:
    """Name the partition that has the rows of a run."""
    return f"{table.name}_run_{int(run)}"


def _load_partition(connection: Connection, table: Table, run: int, rows: pl.DataFrame) -> int:
    """Fill a plain table and make it a partition: the check spares PostgreSQL looking at every row for it."""
    name, key = partition(table, run), ", ".join(column.name for column in table.primary_key)
    say = connection.exec_driver_sql
    say(f"CREATE TABLE {name} (LIKE {table.name}, CONSTRAINT of_run CHECK (run = {run}))")
    copied = _copy(connection, table, run, rows)
    say(f"ALTER TABLE {name} ADD CONSTRAINT pk_{name} PRIMARY KEY ({key})")
    for index in table.indexes:
        say(f"CREATE INDEX ON {name} ({', '.join(column.name for column in index.columns)})")
    say(f"ALTER TABLE {name} OWNER TO {_owner(connection, table)}")
    say(f"ALTER TABLE {table.name} ATTACH PARTITION {name} FOR VALUES IN ({run})")
    say(f"ALTER TABLE {name} DROP CONSTRAINT of_run")
    say(f"ANALYZE {name}")
    return copied


def _owner(connection: Connection, table: Table) -> str:
    """Return who owns a table, quoted: whoever of the group of writers loads a run, another may delete it."""
    found = connection.exec_driver_sql(
        f"SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = '{table.name}'::regclass"  # noqa: S608 - our name
    )
    return str(found.scalar_one())


def _copy(connection: Connection, table: Table, run: int, rows: pl.DataFrame) -> int:
    names = [column.name for column in landed_columns(table)]
    into = f"COPY {partition(table, run)} ({', '.join(names)}) FROM STDIN (FORMAT csv, FREEZE)"
    cursor = _driver(connection).cursor()
    with _failures(connection), cursor.copy(into) as copy:
        for part in rows.iter_slices(_ROWS_SENT):
            text = BytesIO()
            part.select(pl.lit(run).alias("run"), *names[1:]).write_csv(text, include_header=False)
            copy.write(text.getbuffer())
    return cursor.rowcount


def _driver(connection: Connection) -> "psycopg.Connection[Any]":
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - the engine is one of psycopg
    return driver


@contextmanager
def _failures(connection: Connection) -> Iterator[None]:
    """Raise ``StoreFailure`` where the driver itself was spoken to, which SQLAlchemy does not see."""
    try:
        yield
    except psycopg.Error as error:
        if _driver(connection).broken:
            connection.invalidate(error)
        raise StoreFailure(f"warehouse: {error}", "check the warehouse, then run again") from error
