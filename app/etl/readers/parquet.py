"""Parquet: typed columns become the cells that a CSV would hold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from app.etl.readers.base import (
    CELLS_SCHEMA,
    READ_COLUMNS,
    DataFile,
    Record,
    Span,
    missing_columns,
    missing_columns_error,
    typed_record_json,
)

BATCH_ROWS = 50_000
MIDNIGHT = "00:00:00"


def text_column(name: str, kind: pl.DataType) -> pl.Expr:
    """Return a column as text: a float as its shortest decimal, a midnight as its date, lists as JSON."""
    column = pl.col(name)
    if isinstance(kind, pl.Datetime):
        day = column.dt.strftime("%Y-%m-%d")
        at_midnight = column.dt.strftime("%H:%M:%S") == MIDNIGHT
        return pl.when(at_midnight).then(day).otherwise(column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f"))
    if isinstance(kind, pl.Date):
        return column.dt.strftime("%Y-%m-%d")
    if kind.is_nested():
        encoded = pl.struct(column.alias("v")).struct.json_encode()
        return pl.when(column.is_not_null()).then(encoded.str.slice(5).str.head(-1)).alias(name)
    return column.cast(pl.String)


@dataclass(frozen=True)
class ParquetBatch:
    """A slice of a Parquet file."""

    frame: pl.DataFrame = field(repr=False)
    span: Span

    @cached_property
    def cells(self) -> pl.DataFrame:
        """Return the typed columns as cells."""
        texts = [text_column(name, self.frame.schema[name]).alias(name) for name in READ_COLUMNS]
        end = self.span.first_row + self.frame.height
        return self.frame.select(
            pl.int_range(self.span.first_row, end).alias("row"),
            pl.lit(self.frame.width, dtype=pl.Int64).alias("fields"),
            pl.lit(value=False).alias("malformed"),
            *texts,
        ).select(list(CELLS_SCHEMA))

    def records(self, rows: Sequence[int]) -> list[Record]:
        """Return the values of each row, in the file's order of columns."""
        places = [row - self.span.first_row for row in rows]
        ids = self.cells["id"].gather(places).to_list()
        values = self.frame[places].rows()
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
        schema = self._try(lambda: pl.read_parquet_schema(self._file.path))
        self._columns = set(schema)
        if missing_columns(self._columns):
            raise missing_columns_error(self._file.name, self._columns)
        scan = pl.scan_parquet(self._file.path, glob=False)
        return int(self._try(lambda: scan.select(pl.len()).collect().item()))

    def _slice(self, span: Span) -> ParquetBatch:
        scan = pl.scan_parquet(self._file.path, glob=False).slice(span.offset, span.length)
        return ParquetBatch(self._try(scan.collect), span)

    def _try(self, read: Any) -> Any:
        try:
            return read()
        except (pl.exceptions.PolarsError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise self._file.unreadable(f"is no readable Parquet file ({reason})") from error
