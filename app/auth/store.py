"""Opening the accounts database, which holds secrets: its files are readable by their owner alone."""

import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, select

from app.auth.tables import secret_table
from app.database import open_engine, ready, sole_writer
from app.errors import StoreFailure
from app.settings import Settings

OWNER_ONLY = 0o600
SECRET_BYTES = 32


def open_accounts(settings: Settings) -> Engine:
    """Open the accounts database with its schema at head.

    Raises:
        SchemaError, StoreFailure, ConfigurationError: as ``app.database`` says.
    """
    return ready(private_engine(settings), "accounts")


def private_engine(settings: Settings) -> Engine:
    """Open the accounts database, whatever its schema; a SQLite file and its companions get mode 0600."""
    engine = open_engine(settings.database)
    if engine.dialect.name == "sqlite" and engine.url.database not in {None, "", ":memory:"}:
        _keep_private(Path(str(engine.url.database)))
    return engine


def _keep_private(file: Path) -> None:
    # Created here, because SQLite itself would follow the umask; -wal and -shm inherit the mode of the file.
    try:
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, OWNER_ONLY))
        for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
            with suppress(FileNotFoundError):
                file.with_name(name).chmod(OWNER_ONLY)
    except OSError as error:
        raise StoreFailure(f"cannot keep {file} private: {error}", "check APP_HOME and its owner") from error


def server_secret(engine: Engine, name: str) -> bytes:
    """Return 32 random bytes, created once under this name and shared by every process."""
    with sole_writer(engine, secret_table) as connection:
        found = connection.execute(select(secret_table.c.value).where(secret_table.c.name == name)).scalar()
        if found is not None:
            return bytes(found)
        value = secrets.token_bytes(SECRET_BYTES)
        connection.execute(secret_table.insert().values(name=name, value=value, created_at=datetime.now(UTC)))
    return value
