"""Bringing the schema of the two databases (warehouse, accounts) to head.

Migrations live in ``migrations/<history>``; both histories share ``migrations/env.py``.
"""

from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.config import Config
from alembic.ddl.impl import DefaultImpl
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from app.database.opening import open_warehouse_engine, transaction
from app.errors import SchemaError, StoreFailure

History = Literal["warehouse", "accounts"]
HISTORIES: tuple[History, ...] = ("warehouse", "accounts")
#: Where both histories noted their revisions once, each in a file of its own.
_SHARED_TABLE = "alembic_version"
#: What lets one after the other migrate, where a transaction that writes is not the only one anyway.
_TURNS = {"postgresql": "SELECT pg_advisory_xact_lock(hashtext('movie-marts migrations'))"}
_UNKNOWN_REVISION = "see 'app db current'; a database that is ahead needs a newer program"


class _SnowflakeImpl(DefaultImpl):
    """What Alembic has to know of Snowflake, where each DDL statement ends a transaction."""

    __dialect__ = "snowflake"
    transactional_ddl = False


def migrations_folder() -> Path:
    """Return the folder of the migrations: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def existing(url: str, history: History) -> Engine | None:
    """Open a database only where it is there and at head: for callers that must not create anything.

    Raises:
        SchemaError: a newer program migrated it.
    """
    file = make_url(url).database
    if make_url(url).get_backend_name() == "sqlite" and not (file and Path(file).is_file()):
        return None
    engine = open_warehouse_engine(url)
    found = current(engine, history)
    _refuse_unknown(found, history)
    return engine if found == head(history) else None


def _refuse_unknown(found: str | None, history: History) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config(history)).walk_revisions()}
    if found is not None and found not in known:
        raise SchemaError(
            f"the {history} database is at revision {found}, unknown to this program", _UNKNOWN_REVISION
        )


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


def version_table(history: History) -> str:
    """Name the table that notes the revision of a history."""
    return f"{_SHARED_TABLE}_{history}"


def current(engine: Engine, history: History) -> str | None:
    """Return the revision the database is at; None where it has nothing of this history."""
    with engine.connect() as connection:
        shared = _has_shared_table(connection, history)
        table = _SHARED_TABLE if shared else version_table(history)
        context = MigrationContext.configure(connection, opts={"version_table": table})
        return context.get_current_revision()


def _has_shared_table(connection: Connection, history: History) -> bool:
    """Whether the revision is where it once was: in a SQLite file that an older program migrated last."""
    if connection.dialect.name != "sqlite":
        return False
    tables = inspect(connection).get_table_names()
    return _SHARED_TABLE in tables and version_table(history) not in tables


def upgrade(engine: Engine, history: History, revision: str = "head") -> None:
    """Apply migrations up to a revision, in one transaction."""
    _migrate(engine, history, command.upgrade, revision)


def downgrade(engine: Engine, history: History, revision: str) -> None:
    """Undo migrations down to a revision (``-1``, ``base`` or an id), in one transaction."""
    _migrate(engine, history, command.downgrade, revision)


def _migrate(engine: Engine, history: History, step: Any, revision: str) -> None:
    config = _config(history)
    with transaction(engine) as connection:
        if engine.dialect.name in _TURNS:
            connection.execute(text(_TURNS[engine.dialect.name]))
        if _has_shared_table(connection, history):
            connection.execute(text(f"ALTER TABLE {_SHARED_TABLE} RENAME TO {version_table(history)}"))
        config.attributes.update(connection=connection, version_table=version_table(history))
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
        found = current(engine, history)
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
