"""SQLite files: WAL mode, transactions that begin when they are told to."""

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from app.errors import StoreFailure

BUSY_TIMEOUT_S = 60


def open_sqlite(url: URL) -> Engine:
    """Open a SQLite file, whose folder is created. In WAL mode readers never wait for a writer.

    Raises:
        StoreFailure: the folder cannot be created.
    """
    if url.database and url.database != ":memory:":
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreFailure(
                f"cannot create the folder of {url.database}: {error}", "check APP_HOME"
            ) from error
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    event.listen(engine, "invalidate", _on_invalidate)
    return engine


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, DDL included
    _use_wal(connection)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA cache_size=-32768")  # 32 MiB: index pages stay in memory while a run is loaded


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch a file to WAL. Where others switch a new file too, SQLite says so at once instead of waiting."""
    until = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _on_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    mode = options.get("sqlite_begin", "DEFERRED")
    if not options.get("sqlite_foreign_keys", True):
        # Until the connection is closed: none is used twice.
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _on_invalidate(connection: sqlite3.Connection, *_: object) -> None:
    """Roll back what Ctrl-C cut short: a mere close leaves the write lock as long as a cursor lives."""
    connection.rollback()
