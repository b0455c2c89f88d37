"""JSON Lines: one object a line; typed values become the cell that a CSV would hold."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import polars as pl

from app.etl import strict_json
from app.etl.readers.base import (
    CELLS_SCHEMA,
    READ_COLUMNS,
    DataFile,
    Places,
    Record,
    Span,
    typed_record_json,
)
from app.etl.readers.csv import BYTE_ORDER_MARK
from app.etl.readers.hashing import Hashes, row_hashes
from app.etl.readers.streams import Stream, open_stream

#: Objects cost more memory than their text, and lines may be short.
BLOCK_BYTES = 4 * 2**20
MAX_LINE_BYTES = 16 * 2**20


def cell_text(value: Any) -> str | None:
    """Return a typed value as a cell: null is empty, a float its shortest decimal, lists and objects JSON."""
    if value is None or isinstance(value, str):
        return _encodable(value) if value else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return _encodable(json.dumps(value, ensure_ascii=False), json.dumps(value))


def _encodable(text: str, otherwise: str | None = None) -> str:
    """Return text that UTF-8 can hold: a lone surrogate is written as its escape."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return otherwise if otherwise is not None else text.encode("utf-8", "backslashreplace").decode()
    return text


def parse_line(line: str) -> dict[str, Any] | None:
    """Return the object of a line, or None where it is no strict JSON object."""
    try:
        value = strict_json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


@dataclass(frozen=True)
class JsonLinesBatch:
    """The objects of a block of lines; None stands for a line that is no object."""

    lines: list[str] = field(repr=False)
    objects: list[dict[str, Any] | None] = field(repr=False)
    span: Span

    @cached_property
    def cells(self) -> pl.DataFrame:
        """Lay the objects out as cells."""
        objects = [item if item is not None else {} for item in self.objects]
        columns = {column: [cell_text(item.get(column)) for item in objects] for column in READ_COLUMNS}
        rows = range(self.span.first_row, self.span.first_row + len(objects))
        malformed = [item is None for item in self.objects]
        fields = [1 if item is None else len(item) for item in self.objects]
        return pl.DataFrame(
            {"row": rows, "fields": fields, "malformed": malformed, **columns}, schema=CELLS_SCHEMA
        )

    def hashes(self, seed: bytes) -> Hashes:
        """Hash each line."""
        return row_hashes((line.encode() for line in self.lines), seed, "jsonl")

    def cells_at(self, places: Places) -> pl.DataFrame:
        """Return the cells of some objects."""
        return self.cells[places]

    def records(self, rows: Sequence[int]) -> list[Record]:
        """Return the values of each object, in its own order; a malformed line as its text."""
        return [self._record(row - self.span.first_row) for row in rows]

    def _record(self, place: int) -> Record:
        item = self.objects[place]
        if item is None:
            return Record("", typed_record_json([self.lines[place]]))
        return Record(cell_text(item.get("id")) or "", typed_record_json(item.values()))


class JsonLinesReader:
    """Reads one JSON Lines file, plain or compressed."""

    def __init__(self, file: DataFile) -> None:
        self._file = file
        self._keys: set[str] = set()

    def columns(self) -> set[str]:
        """Return every key seen so far."""
        return self._keys

    def batches(self) -> Iterator[JsonLinesBatch]:
        """Read the whole file."""
        row = 1
        with open_stream(self._file) as stream:
            for offset, data in self._blocks(stream):
                batch = self._batch(data, Span(offset, len(data), row, 0, stream.consumed))
                if batch.objects:
                    self._keys.update(*(item for item in batch.objects if item))
                    yield batch
                row += len(batch.objects)

    def again(self, spans: Sequence[Span]) -> Iterator[JsonLinesBatch]:
        """Read spans that ``batches`` gave, again."""
        with open_stream(self._file) as stream:
            for span in spans:
                stream.skip_to(span.offset)
                yield self._batch(stream.read(span.length), span)

    def _blocks(self, stream: Stream) -> Iterator[tuple[int, bytes]]:
        offset, carry = 0, b""
        while True:
            chunk = stream.read(BLOCK_BYTES)
            data = carry + chunk
            final = len(chunk) < BLOCK_BYTES
            length = len(data) if final else data.rfind(b"\n") + 1
            if len(data) - length > MAX_LINE_BYTES:
                raise self._file.unreadable(f"a line is longer than {MAX_LINE_BYTES // 2**20} MiB")
            if length:
                yield offset, data[:length]
            if final:
                return
            offset, carry = offset + length, data[length:]

    def _batch(self, data: bytes, span: Span) -> JsonLinesBatch:
        text = data.removeprefix(BYTE_ORDER_MARK) if span.offset == 0 else data
        try:
            lines = [line for line in text.decode().split("\n") if line and line != "\r"]
        except UnicodeDecodeError as error:
            raise self._file.unreadable(
                f"the bytes at {span.offset + error.start} are not UTF-8", "deliver it in UTF-8"
            ) from error
        return JsonLinesBatch(lines, [parse_line(line) for line in lines], replace(span, rows=len(lines)))
