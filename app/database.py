"""Opening the two databases (warehouse, accounts) and bringing their schema to head.

Migrations live in ``migrations/<history>``; both histories share ``migrations/env.py``.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from app.errors import ConfigurationError, SchemaError, StoreFailure

History = Literal["warehouse", "accounts"]
HISTORIES: tuple[History, ...] = ("warehouse", "accounts")
BUSY_TIMEOUT_S = 60
_UNKNOWN_REVISION = "see 'app db current'; a database that is ahead needs a newer program"


def migrations_folder() -> Path:
    """Return the folder of the migrations: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def open_engine(url: str) -> Engine:
    """Open a database by SQLAlchemy URL; a SQLite file's folder is created.

    SQLite runs in WAL mode, so readers never wait for a writer.

    Raises:
        ConfigurationError: the URL names a database this program cannot use.
        StoreFailure: the folder of a SQLite file cannot be created.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        raise ConfigurationError(
            f"a {parsed.get_backend_name()} database is not supported", "use a sqlite:/// URL"
        )
    if parsed.database and parsed.database != ":memory:":
        try:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreFailure(
                f"cannot create the folder of {parsed.database}: {error}", "check APP_HOME"
            ) from error
    engine = create_engine(parsed, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    event.listen(engine, "invalidate", _on_invalidate)
    return engine


def existing(url: str, history: History) -> Engine | None:
    """Open a database only where it is there and at head: for callers that must not create anything.

    Raises:
        SchemaError: a newer program migrated it.
    """
    file = make_url(url).database
    if make_url(url).get_backend_name() == "sqlite" and not (file and Path(file).is_file()):
        return None
    engine = open_engine(url)
    found = current(engine)
    _refuse_unknown(found, history)
    return engine if found == head(history) else None


def _refuse_unknown(found: str | None, history: History) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config(history)).walk_revisions()}
    if found is not None and found not in known:
        raise SchemaError(
            f"the {history} database is at revision {found}, unknown to this program", _UNKNOWN_REVISION
        )


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
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _on_invalidate(connection: sqlite3.Connection, *_: object) -> None:
    """Roll back what Ctrl-C cut short: a mere close leaves the write lock as long as a cursor lives."""
    connection.rollback()


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Give one write transaction. On SQLite it takes the write lock at once, not half way."""
    with engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
        yield connection


def _config(history: History) -> Config:
    folder = migrations_folder()
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("version_locations", str(folder / history))
    config.set_main_option("path_separator", "os")
    return config


def head(history: History) -> str:
    """Return the revision that this program needs."""
    revision = ScriptDirectory.from_config(_config(history)).get_current_head()
    assert revision is not None, f"no migration in {migrations_folder() / history}"  # noqa: S101 - a broken install
    return revision


def current(engine: Engine) -> str | None:
    """Return the revision the database is at; None where it is empty."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine, history: History, revision: str = "head") -> None:
    """Apply migrations up to a revision, in one transaction."""
    _migrate(engine, history, command.upgrade, revision)


def downgrade(engine: Engine, history: History, revision: str) -> None:
    """Undo migrations down to a revision (``-1``, ``base`` or an id), in one transaction."""
    _migrate(engine, history, command.downgrade, revision)


def _migrate(engine: Engine, history: History, step: Any, revision: str) -> None:
    config = _config(history)
    with transaction(engine) as connection:
        config.attributes["connection"] = connection
        try:
            step(config, revision)
        except CommandError as error:
            raise SchemaError(f"the {history} database: {error}", _UNKNOWN_REVISION) from error


def ready(engine: Engine, history: History) -> Engine:
    """Return the engine with its schema at head: SQLite is migrated, any other database must be so already.

    Raises:
        SchemaError: another database is not at head, or a newer program migrated this one.
        StoreFailure: the database cannot be read or written.
    """
    needed = head(history)
    try:
        found = current(engine)
        if found == needed:
            return engine
        _refuse_unknown(found, history)
        if engine.dialect.name != "sqlite":
            raise SchemaError(
                f"the {history} database is at revision {found}, not {needed}", "run 'app db upgrade'"
            )
        upgrade(engine, history)
    except DBAPIError as error:
        raise StoreFailure(
            f"the {history} database cannot be opened: {error.orig}", "check its URL, rights and disk"
        ) from error
    return engine
