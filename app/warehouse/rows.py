"""Reading and deleting a run's rows by plain SQL, as most warehouses do it."""

from collections.abc import Iterator
from typing import Any

import polars as pl
from sqlalchemy import Column, Connection, Table, TableClause, Text, delete, select

from app.marts.tables import landed_columns

#: Rows read at once.
_ROWS_READ = 50_000


def read_rows(connection: Connection, table: Table, run: int) -> Iterator[pl.DataFrame]:
    """Return the rows of a mart or dimension of a run by key, in ``landed_columns``, some at a time."""
    columns = landed_columns(table)
    schema = {column.name: _kind(column) for column in columns}
    rows = select(*columns).where(table.c.run == run).order_by(*table.primary_key.columns)
    found = connection.execution_options(yield_per=_ROWS_READ).execute(rows)
    for part in found.partitions():
        yield pl.DataFrame(dict(zip(schema, zip(*part, strict=True), strict=True)), schema)


def _kind(column: Column[Any]) -> type[pl.DataType]:
    return pl.String if isinstance(column.type, Text) else pl.Int64


def delete_rows(connection: Connection, table: TableClause, run: int) -> None:
    """Delete the rows of a run."""
    connection.execute(delete(table).where(table.c.run == run))
