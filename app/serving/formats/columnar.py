"""Arrow and Parquet: pyarrow makes columns of SQLite's text, without a row in between.

pyarrow takes some 50 MB, so it is loaded for the first such answer, and only then.
"""

import os
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from app.serving.fields import Field
from app.serving.formats.base import Lines, Streamed, Writer
from app.serving.formats.delimited import quoted_row

#: Digits of 2^63-1, the largest sum: of millionths, too.
DIGITS = 19
#: Rows of a group of a Parquet file at least, but for the last: a group is held until it is whole.
GROUP_ROWS = 16_384
_NULL = "NULL"
_LINES = Lines(lambda fields: quoted_row(fields, _NULL), b"\n", b"\n")


class _Sink:
    """A file that only grows; what was written is taken away now and then."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


class _ArrowWriter:
    """Writes an IPC stream, a record batch per write."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._schema = schema(fields)
        self._sink = _Sink()
        self._stream = _load("pyarrow.ipc").new_stream(self._sink, self._schema)

    def write(self, text: bytes) -> bytes:
        if text:
            self._stream.write_table(table(text, self._schema))
        return self._sink.taken()

    def finish(self) -> bytes:
        self._stream.close()
        return self._sink.taken()


class _ParquetWriter:
    """Writes a Parquet file, some batches in a group."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._schema = schema(fields)
        self._sink = _Sink()
        texts = [field.name for field in fields if field.kind == "text"]
        self._file = _load("pyarrow.parquet").ParquetWriter(
            self._sink, self._schema, compression="zstd", use_dictionary=texts
        )
        self._waiting: list[Any] = []
        self._rows = 0

    def write(self, text: bytes) -> bytes:
        if text:
            batch = table(text, self._schema)
            self._waiting.append(batch)
            self._rows += len(batch)
        if self._rows >= GROUP_ROWS:
            self._write_group()
        return self._sink.taken()

    def finish(self) -> bytes:
        if self._waiting:
            self._write_group()
        self._file.close()
        return self._sink.taken()

    def _write_group(self) -> None:
        self._file.write_table(_load().concat_tables(self._waiting))
        self._waiting, self._rows = [], 0


class Arrow(Streamed):
    """Arrow IPC stream (https://arrow.apache.org/docs/format/IPC.html)."""

    name = "arrow"
    media_type = "application/vnd.apache.arrow.stream"
    slow = True
    lines = _LINES

    def writer(self, fields: Sequence[Field]) -> Writer:
        """Begin with the schema."""
        return _ArrowWriter(fields)


class Parquet(Streamed):
    """Parquet (https://parquet.apache.org/docs/file-format), its pages compressed by zstd."""

    name = "parquet"
    media_type = "application/vnd.apache.parquet"
    packed = True
    slow = True
    lines = _LINES

    def writer(self, fields: Sequence[Field]) -> Writer:
        """Begin a file."""
        return _ParquetWriter(fields)


def schema(fields: Sequence[Field]) -> Any:
    """Return the ``pyarrow.Schema`` of rows: text, 64-bit integers, and decimals of 19 digits."""
    pyarrow = _load()

    def kind(field: Field) -> Any:
        if field.kind == "text":
            return pyarrow.string()
        return pyarrow.decimal128(DIGITS, field.scale) if field.scale else pyarrow.int64()

    return pyarrow.schema([pyarrow.field(field.name, kind(field), field.nullable) for field in fields])


def _load(module: str = "pyarrow") -> Any:
    """Import pyarrow with the system's memory unless told otherwise: its own keeps what a file once took."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    return import_module(module)


def table(text: bytes, columns: Any) -> Any:
    """Return the ``pyarrow.Table`` of rows that SQLite wrote."""
    pyarrow, csv = _load(), _load("pyarrow.csv")
    found = csv.read_csv(
        pyarrow.py_buffer(text),
        csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=columns.names),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(
            column_types=columns, null_values=[_NULL], strings_can_be_null=False, check_utf8=False
        ),
    )
    return pyarrow.Table.from_arrays(found.columns, schema=columns)
