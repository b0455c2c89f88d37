"""Parquet: typed columns become the cells that a CSV would hold."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import orjson
import polars as pl

from app.etl.readers.base import (
    CELLS_SCHEMA,
    READ_COLUMNS,
    DataFile,
    Places,
    Record,
    Span,
    missing_columns,
    missing_columns_error,
    typed_record_json,
)
from app.etl.readers.hashing import Hashes, row_hashes

BATCH_ROWS = 50_000
MIDNIGHT = "00:00:00"

T = TypeVar("T")


def text_column(name: str, kind: pl.DataType) -> pl.Expr:
    """Return a column as text: a float as its shortest decimal, a midnight as its date, lists as JSON."""
    column = pl.col(name)
    if isinstance(kind, pl.Date | pl.Datetime):
        known = pl.when(column.dt.year().is_not_null()).then(column)  # no year: beyond the calendar
        return pl.coalesce(_date_text(known, kind), column.to_physical().cast(pl.String))
    if kind.is_nested():
        encoded = pl.struct(column.cast(_without_binary(kind)).alias("v")).struct.json_encode()
        return pl.when(column.is_not_null()).then(encoded.str.slice(5).str.head(-1)).alias(name)
    return column.cast(pl.String)


def _date_text(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    day = column.dt.strftime("%Y-%m-%d")
    if isinstance(kind, pl.Date):
        return day
    at_midnight = column.dt.strftime("%H:%M:%S") == MIDNIGHT
    return pl.when(at_midnight).then(day).otherwise(column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f"))


def _without_binary(kind: Any) -> Any:
    """Return a type with text in place of bytes, however deep."""
    if isinstance(kind, pl.Struct):
        return pl.Struct({field.name: _without_binary(field.dtype) for field in kind.fields})
    if isinstance(kind, pl.List | pl.Array):
        return pl.List(_without_binary(kind.inner))
    return pl.String() if isinstance(kind, pl.Binary) else kind


@dataclass(frozen=True)
class ParquetBatch:
    """A slice of a Parquet file."""

    file: DataFile
    frame: pl.DataFrame = field(repr=False)
    span: Span

    @cached_property
    def cells(self) -> pl.DataFrame:
        """Return the typed columns as cells."""
        return _readable(self.file, self._cells)

    def _cells(self) -> pl.DataFrame:
        texts = [text_column(name, self.frame.schema[name]).alias(name) for name in READ_COLUMNS]
        end = self.span.first_row + self.frame.height
        return self.frame.select(
            pl.int_range(self.span.first_row, end).alias("row"),
            pl.lit(self.frame.width, dtype=pl.Int64).alias("fields"),
            pl.lit(value=False).alias("malformed"),
            *texts,
        ).select(list(CELLS_SCHEMA))

    def hashes(self, seed: bytes) -> Hashes:
        """Hash the cells of each row: Parquet has no bytes of a row."""
        rows = self.cells.select(READ_COLUMNS).iter_rows()
        return row_hashes((orjson.dumps(row) for row in rows), seed, "cells")

    def cells_at(self, places: Places) -> pl.DataFrame:
        """Return the cells of some rows."""
        return self.cells[places]

    def records(self, rows: Sequence[int]) -> list[Record]:
        """Return the values of each row, in the file's order of columns."""
        places = [row - self.span.first_row for row in rows]
        ids = self.cells["id"].gather(places).to_list()
        dated = [name for name, kind in self.frame.schema.items() if isinstance(kind, pl.Date | pl.Datetime)]
        texts = [text_column(name, self.frame.schema[name]).alias(name) for name in dated]
        values = self.frame[places].with_columns(texts).rows()
        return [Record(key or "", typed_record_json(row)) for key, row in zip(ids, values, strict=True)]


class ParquetReader:
    """Reads one Parquet file, slice by slice."""

    def __init__(self, file: DataFile) -> None:
        self._file = file
        self._columns: set[str] = set()

    def columns(self) -> set[str]:
        """Return the file's columns, once it was opened."""
        return self._columns

    def batches(self) -> Iterator[ParquetBatch]:
        """Read the whole file."""
        rows = self._open()
        for offset in range(0, rows, BATCH_ROWS):
            length = min(BATCH_ROWS, rows - offset)
            consumed = self._file.size * (offset + length) // rows
            yield self._slice(Span(offset, length, offset + 1, length, consumed))

    def again(self, spans: Sequence[Span]) -> Iterator[ParquetBatch]:
        """Read spans that ``batches`` gave, again."""
        for span in spans:
            yield self._slice(span)

    def _open(self) -> int:
        schema = _readable(self._file, lambda: self._scan().collect_schema())
        self._columns = set(schema)
        if missing_columns(self._columns):
            raise missing_columns_error(self._file.name, self._columns)
        return int(_readable(self._file, lambda: self._scan().select(pl.len()).collect().item()))

    def _slice(self, span: Span) -> ParquetBatch:
        frame = _readable(self._file, lambda: self._scan().slice(span.offset, span.length).collect())
        return ParquetBatch(self._file, frame, span)

    def _scan(self) -> pl.LazyFrame:
        return pl.scan_parquet(self._source, glob=False)

    @cached_property
    def _source(self) -> Path | bytes:
        """Return what Polars can open: a path, or the content of a file whose name is not UTF-8."""
        path = self._file.path
        try:
            os.fspath(path).encode()
        except UnicodeEncodeError:
            return path.read_bytes()
        return path


def _readable(file: DataFile, read: Callable[[], T]) -> T:
    """Return what ``read`` gives; a panic is how Polars ends on types it cannot convert."""
    try:
        return read()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise file.unreadable(f"is no readable Parquet file ({reason})") from error
