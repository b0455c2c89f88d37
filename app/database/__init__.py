"""The two databases, warehouse and accounts: opening, writing, migrating."""

from app.database.migrations import (
    HISTORIES,
    History,
    current,
    downgrade,
    existing,
    head,
    migrations_folder,
    ready,
    upgrade,
)
from app.database.opening import open_engine, transaction

__all__ = [
    "HISTORIES",
    "History",
    "current",
    "downgrade",
    "existing",
    "head",
    "migrations_folder",
    "open_engine",
    "ready",
    "transaction",
    "upgrade",
]
