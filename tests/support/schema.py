"""Schemas: what is declared of a warehouse that is no SQLite file, and how a database differs from it."""

from collections.abc import Sequence

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Engine, Index, MetaData, Table

from app.marts.catalog import publication_table, run_lock_table, run_table
from app.marts.tables import RUN_TABLES, landed_columns, metadata

CATALOGUE = (run_table, publication_table, run_lock_table)


#: Full-text indexes, which Alembic takes for tables that it does not know, and its own tables.
NOT_COMPARED = ("search_", "alembic_version_")


def differences(engine: Engine, declared: MetaData) -> Sequence[object]:
    """Return how the migrated database differs from what is declared."""
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_name": _is_compared}
        context = MigrationContext.configure(connection, opts=options)
        found: Sequence[object] = compare_metadata(context, declared)
        return found


def _is_compared(name: str | None, type_: str, _: object) -> bool:
    return type_ != "table" or not str(name).startswith(NOT_COMPARED)


def landed_schema() -> MetaData:
    """Return the tables where the API reads a replica: without search keys and foreign keys of rows."""
    made = MetaData(naming_convention=metadata.naming_convention)
    for table in CATALOGUE:
        table.to_metadata(made)
    for table in RUN_TABLES.values():
        columns = [_plain(column) for column in landed_columns(table)]
        copy = Table(table.name, made, *columns)
        for index in table.indexes:
            Index(None, *(copy.c[column.name] for column in index.columns))
    return made


def _plain(column: Column[object]) -> Column[object]:
    return Column(
        column.name,
        column.type,
        primary_key=column.primary_key,
        nullable=column.nullable,
        autoincrement=False,
    )
