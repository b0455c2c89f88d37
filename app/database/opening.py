"""Opening a database by its SQLAlchemy URL, and writing to it."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import URL, Connection, Engine, Table
from sqlalchemy.engine import make_url

from app.database.postgres import open_postgres
from app.database.redshift import open_redshift
from app.database.snowflake import open_snowflake
from app.database.sqlite import open_sqlite
from app.errors import ConfigurationError

#: How a transaction keeps other writers of a table waiting until its end, where it is not alone anyway.
#: Where readers would wait for such a lock, it is that of a table which nobody reads.
_TABLE_LOCKS: Mapping[str, str] = {
    "postgresql": "LOCK TABLE {} IN EXCLUSIVE MODE",
    "redshift": "LOCK TABLE writer",
    "snowflake": "UPDATE writer SET since = CURRENT_TIMESTAMP()",
}
#: How a connection is told what a statement may take.
_LIMITS: Mapping[str, str] = {
    "postgresql": "SET statement_timeout = {milliseconds}",
    "redshift": "SET statement_timeout = {milliseconds}",
    "snowflake": "ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = {seconds}",
}
_OPENERS: Mapping[str, Callable[[URL], Engine]] = {"sqlite": open_sqlite, "postgresql": open_postgres}
#: These enforce no keys: marts can be there, which one run at a time writes, but not accounts.
_WAREHOUSE_OPENERS: Mapping[str, Callable[[URL], Engine]] = {
    **_OPENERS,
    "redshift": open_redshift,
    "snowflake": open_snowflake,
}


def open_engine(url: str) -> Engine:
    """Open a database that this program can keep anything in; nothing is connected to yet.

    Raises:
        ConfigurationError: the URL names another kind of database, or its driver is not installed.
        StoreFailure: the folder of a SQLite file cannot be created.
    """
    return _open(url, _OPENERS, "use a sqlite:/// or postgresql:// URL")


def open_warehouse_engine(url: str) -> Engine:
    """Open a database that marts and runs can be kept in; nothing is connected to yet.

    Raises:
        ConfigurationError, StoreFailure: as ``open_engine``.
    """
    return _open(url, _WAREHOUSE_OPENERS, f"one of: {', '.join(_WAREHOUSE_OPENERS)}")


def _open(url: str, openers: Mapping[str, Callable[[URL], Engine]], hint: str) -> Engine:
    parsed = make_url(url)
    opener = openers.get(parsed.drivername.partition("+")[0])
    if opener is None:
        raise ConfigurationError(f"a {parsed.get_backend_name()} database is not supported", hint)
    return opener(parsed)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Give one write transaction. On SQLite it takes the write lock at once, not half way."""
    with engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
        yield connection


def bulk_transaction(engine: Engine) -> AbstractContextManager[Connection]:
    """Give one write transaction for many rows that belong together: SQLite looks up no foreign keys."""
    return transaction(engine.execution_options(sqlite_foreign_keys=False))


@contextmanager
def sole_writer(engine: Engine, table: Table) -> Iterator[Connection]:
    """Give one write transaction that finds a table as the last such one left it. Readers never wait."""
    with transaction(engine) as connection:
        lock = _TABLE_LOCKS.get(engine.dialect.name)
        if lock is not None:
            connection.exec_driver_sql(lock.format(table.name))
        yield connection


def limit_statements(connection: Connection, seconds: float) -> None:
    """Let the database end statements of this connection that take longer, where it can."""
    limit = _LIMITS.get(connection.dialect.name)
    if limit is not None:
        said = limit.format(seconds=math.ceil(seconds), milliseconds=math.ceil(seconds * 1000))
        connection.exec_driver_sql(said)
        connection.commit()
