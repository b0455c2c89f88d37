"""Many rows into a SQLite table, the fastest way of Python's driver: plain tuples, several rows in each."""

from collections.abc import Sequence
from typing import Any

import polars as pl
from sqlalchemy import Connection, TableClause

#: Rows of one statement: what one costs beside its rows is paid once for them.
_ROWS_A_STATEMENT = 8

#: Rows that are Python objects at once: few, so that they stay near the processor.
_ROWS_INSERTED = 1_024


def insert_frame(connection: Connection, table: TableClause, frame: pl.DataFrame) -> None:
    """Insert a frame, whose columns are named like those of the table."""
    for part in frame.iter_slices(_ROWS_INSERTED):
        columns = [column.to_list() for column in part]
        whole = len(part) - len(part) % _ROWS_A_STATEMENT
        several = zip(
            *(column[row:whole:_ROWS_A_STATEMENT] for row in range(_ROWS_A_STATEMENT) for column in columns),
            strict=True,
        )
        _execute(connection, table, frame.columns, list(several), _ROWS_A_STATEMENT)
        insert_rows(
            connection, table, frame.columns, list(zip(*(column[whole:] for column in columns), strict=True))
        )


def insert_rows(
    connection: Connection, table: TableClause, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows of these columns."""
    _execute(connection, table, names, rows, 1)


def _execute(
    connection: Connection,
    table: TableClause,
    names: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    each: int,
) -> None:
    """Insert tuples that hold ``each`` rows, one behind the other.

    OR FAIL: an error ends the transaction, so SQLite need not remember how to take back half a statement,
    which costs more than the rows. It would all the same where it looks up foreign keys.
    """
    if rows:
        marks = ", ".join([f"({', '.join('?' * len(names))})"] * each)
        statement = f"INSERT OR FAIL INTO {table.name} ({', '.join(names)}) VALUES {marks}"  # noqa: S608 - names from our own tables
        connection.exec_driver_sql(statement, list(rows))
