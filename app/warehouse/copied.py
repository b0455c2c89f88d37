"""Rows that a database copies out as CSV, as frames of bounded size."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl
from sqlalchemy import BigInteger, Column, Integer, SmallInteger, Text

from app.marts.tables import Scaled

#: Bytes of text that become a frame.
_CHUNK_BYTES = 4 * 2**20

_TYPES: dict[type[Any], pl.DataType] = {
    Integer: pl.Int32(),
    SmallInteger: pl.Int16(),
    BigInteger: pl.Int64(),
    Scaled: pl.Int64(),
    Text: pl.String(),
}


def frames(
    rows: Iterable[bytes | bytearray | memoryview], columns: Sequence[Column[Any]]
) -> Iterator[pl.DataFrame]:
    """Return frames with the columns' names from pieces of CSV that each end with a row; nulls are empty."""
    schema = {column.name: _TYPES[type(column.type)] for column in columns}
    chunk = bytearray()
    for piece in rows:
        chunk += piece
        if len(chunk) >= _CHUNK_BYTES:
            yield _frame(chunk, schema)
            chunk = bytearray()
    if chunk:
        yield _frame(chunk, schema)


def _frame(chunk: bytearray, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return pl.read_csv(bytes(chunk), has_header=False, schema=schema)
