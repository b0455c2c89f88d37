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
    version_table,
)
from app.database.opening import (
    bulk_transaction,
    limit_statements,
    open_engine,
    open_warehouse_engine,
    sole_writer,
    transaction,
)

__all__ = [
    "HISTORIES",
    "History",
    "bulk_transaction",
    "current",
    "downgrade",
    "existing",
    "head",
    "limit_statements",
    "migrations_folder",
    "open_engine",
    "open_warehouse_engine",
    "ready",
    "sole_writer",
    "transaction",
    "upgrade",
    "version_table",
]
