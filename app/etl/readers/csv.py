"""CSV: regular blocks are parsed by Polars, the rest of an irregular file record by record."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from app.etl.readers.base import (
    BATCH_ROWS,
    BLOCK_BYTES,
    CELLS_SCHEMA,
    MARK_EVERY,
    READ_COLUMNS,
    DataFile,
    Places,
    Record,
    Span,
    missing_columns,
    missing_columns_error,
    record_json,
)
from app.etl.readers.framing import (
    MAX_RECORD_BYTES,
    Frame,
    RecordTooLong,
    UnterminatedQuote,
    frame,
    last_record_end,
    scan_record,
)
from app.etl.readers.hashing import Hashes, row_hashes
from app.etl.readers.streams import Stream, open_stream
from app.marts.names import WHITESPACE

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Header:
    """Column names of one file, trimmed, and where the columns that are read stand."""

    names: tuple[str, ...]

    @cached_property
    def read(self) -> dict[str, int]:
        """Return ``{column: position}`` of the columns that are read."""
        return {column: self.names.index(column) for column in READ_COLUMNS}

    def record(self, fields: Sequence[str]) -> Record:
        """Return a whole record; its id is what stands at the id's place, if anything does."""
        place = self.read["id"]
        return Record(fields[place] if place < len(fields) else "", record_json(fields))


@dataclass(frozen=True)
class RegularBatch:
    """Records of a regular block, parsed by Polars."""

    header: Header
    data: bytes = field(repr=False)
    frame: Frame = field(repr=False)
    span: Span

    @cached_property
    def cells(self) -> pl.DataFrame:
        """Parse the cells that are read."""
        names = [str(place) for place in range(len(self.header.names))]
        places = sorted(self.header.read.items(), key=lambda item: item[1])
        parsed = pl.read_csv(
            self.data,
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            columns=[place for _, place in places],
            extra_columns="ignore",
            missing_columns="insert",
        )
        parsed.columns = [column for column, _ in places]
        fields = pl.Series("fields", self.frame.fields)
        if parsed.height != len(fields):
            raise ValueError(f"Polars found {parsed.height} records where the block has {len(fields)}")
        numbered = parsed.with_columns(fields).filter(pl.col("fields") > 0)
        return numbered.with_columns(
            pl.int_range(self.span.first_row, self.span.first_row + numbered.height).alias("row"),
            (pl.col("fields") != len(names)).alias("malformed"),
        ).select(list(CELLS_SCHEMA))

    def hashes(self, seed: bytes) -> Hashes:
        """Hash the bytes of each record, its line end left out."""
        data, found = memoryview(self.data), self.frame.fields > 0
        bounds = zip(self.frame.starts[found].tolist(), self.frame.ends[found].tolist(), strict=True)
        return row_hashes((data[start:end] for start, end in bounds), seed, "csv", *self.header.names)

    def cells_at(self, places: Places) -> pl.DataFrame:
        """Parse some records by themselves."""
        if not len(places):
            return pl.DataFrame(schema=CELLS_SCHEMA)
        found = self.frame.fields > 0
        starts, ends = self.frame.starts[found][places], self.frame.ends[found][places]
        data = b"\n".join(self.data[start:end] for start, end in zip(starts, ends, strict=True))
        stops = np.cumsum(ends - starts + 1) - 1
        part = Frame(stops - (ends - starts), stops, self.frame.fields[found][places])
        cells = RegularBatch(self.header, data, part, self.span).cells
        return cells.with_columns(pl.Series("row", places + self.span.first_row))

    def records(self, rows: Sequence[int]) -> list[Record]:
        """Read whole records again from their bytes."""
        starts = self.frame.starts[self.frame.fields > 0]
        found = [scan_record(self.data, int(starts[row - self.span.first_row]), final=True) for row in rows]
        return [self.header.record(record[0]) for record in found if record]


@dataclass(frozen=True)
class ScannedBatch:
    """Records that were read one by one."""

    header: Header
    fields: list[list[str]] = field(repr=False)
    span: Span

    @cached_property
    def cells(self) -> pl.DataFrame:
        """Lay the fields out as cells."""
        columns = {
            column: [record[place] if place < len(record) else "" for record in self.fields]
            for column, place in self.header.read.items()
        }
        counts = [len(record) for record in self.fields]
        rows = range(self.span.first_row, self.span.first_row + len(counts))
        malformed = [count != len(self.header.names) for count in counts]
        return pl.DataFrame(
            {"row": rows, "fields": counts, "malformed": malformed, **columns}, schema=CELLS_SCHEMA
        )

    def hashes(self, seed: bytes) -> Hashes:
        """Hash the fields of each record."""
        encoded = (record_json(record).encode() for record in self.fields)
        return row_hashes(encoded, seed, "fields", *self.header.names)

    def cells_at(self, places: Places) -> pl.DataFrame:
        """Return the cells of some records."""
        return self.cells[places]

    def records(self, rows: Sequence[int]) -> list[Record]:
        """Return whole records."""
        return [self.header.record(self.fields[row - self.span.first_row]) for row in rows]


class CsvReader:
    """Reads one CSV file, plain or compressed."""

    def __init__(self, file: DataFile) -> None:
        self._file = file
        self._header: Header | None = None
        self._irregular_from: int | None = None

    def columns(self) -> set[str]:
        """Return the header's names, once the file was opened."""
        return set(self._header.names) if self._header else set()

    def batches(self) -> Iterator[RegularBatch | ScannedBatch]:
        """Read the whole file."""
        with open_stream(self._file) as stream:
            start, rest = self._read_header(stream)
            yield from self._blocks(stream, start, rest)

    def again(self, spans: Sequence[Span]) -> Iterator[RegularBatch | ScannedBatch]:
        """Read spans that ``batches`` gave, again."""
        with open_stream(self._file) as stream:
            for span in spans:
                stream.skip_to(span.offset)
                data = stream.read(span.length)
                found = frame(data) if self._is_regular(span.offset) else None
                yield self._regular(data, found, span) if found else self._scan_span(data, span)

    def _is_regular(self, offset: int) -> bool:
        return self._irregular_from is None or offset < self._irregular_from

    def _read_header(self, stream: Stream) -> tuple[int, bytes]:
        data = stream.read(BLOCK_BYTES)
        mark = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
        position, fields = mark, list[str]()
        while not fields and position < len(data):
            fields, position = self._scan(data, position, final=len(data) < BLOCK_BYTES, row=0) or (
                [],
                len(data),
            )
        names = tuple(name.strip(WHITESPACE) for name in fields)
        if missing_columns(set(names)):
            raise missing_columns_error(self._file.name, set(names) - {""})
        repeated = [column for column in READ_COLUMNS if names.count(column) > 1]
        if repeated:
            raise self._file.unreadable(f"column {', '.join(repeated)} stands twice in the header")
        self._header = Header(names)
        return position, data[position:]

    def _scan(self, data: bytes, start: int, final: bool, row: int) -> tuple[list[str], int] | None:
        try:
            return scan_record(data, start, final)
        except UnterminatedQuote:
            raise self._file.unreadable(f"the quote that record {row} opens is never closed") from None
        except RecordTooLong:
            raise self._too_long(row) from None
        except UnicodeDecodeError as error:
            raise self._not_utf8(row, error) from error

    def _too_long(self, row: int) -> Exception:
        limit = MAX_RECORD_BYTES // 2**20
        return self._file.unreadable(
            f"record {row} is longer than {limit} MiB; is a quote in it never closed?"
        )

    def _not_utf8(self, row: int, error: UnicodeDecodeError) -> Exception:
        where = f"record {row}" if row else "the header"
        return self._file.unreadable(f"{where} is not UTF-8 ({error.reason})", "deliver it in UTF-8")

    def _blocks(self, stream: Stream, offset: int, carry: bytes) -> Iterator[RegularBatch | ScannedBatch]:
        row = 1
        while True:
            chunk = stream.read(BLOCK_BYTES)
            final = len(chunk) < BLOCK_BYTES
            data = carry + chunk
            length = len(data) if final else last_record_end(data)
            if not length and not final and len(data) <= MAX_RECORD_BYTES:
                carry = data
                continue
            block = data[:length]
            found = frame(block) if length else None
            if (length and found is None) or (not length and not final):
                self._irregular_from = offset
                yield from self._scan_all(stream, data, final, offset, row)
                return
            if found is not None:
                self._check_block(block, found, row)
                for begin, end, part in found.cut(length, BATCH_ROWS):
                    place = (offset + begin, end - begin, row, part.records, stream.consumed)
                    span = Span(*place, part.marks(MARK_EVERY))
                    if span.rows:
                        yield self._regular(block[begin:end], part, span)
                    row += span.rows
                offset, carry = offset + length, data[length:]
            if final:
                return

    def _check_block(self, data: bytes, found: Frame, row: int) -> None:
        too_long = found.ends - found.starts > MAX_RECORD_BYTES
        if too_long.any():
            raise self._too_long(row + int((found.fields[: too_long.argmax()] > 0).sum()))
        try:
            pl.Series([data], dtype=pl.Binary).cast(pl.String)
        except pl.exceptions.PolarsError:
            for number, start in enumerate(found.starts[found.fields > 0], row):
                self._scan(data, int(start), final=True, row=number)
            raise

    def _regular(self, data: bytes, found: Frame, span: Span) -> RegularBatch:
        assert self._header is not None  # noqa: S101 - batches() reads the header first
        return RegularBatch(self._header, data, found, span)

    def _scan_all(
        self, stream: Stream, data: bytes, final: bool, offset: int, row: int
    ) -> Iterator[ScannedBatch]:
        while True:
            fields, position = self._scan_whole(data, final, row)
            if fields:
                yield self._scanned(fields, Span(offset, position, row, len(fields), stream.consumed))
            if position:
                offset, row, data = offset + position, row + len(fields), data[position:]
            if position and data:
                continue
            if final:
                return
            if len(data) > MAX_RECORD_BYTES:
                raise self._too_long(row)
            chunk = stream.read(BLOCK_BYTES)
            final = len(chunk) < BLOCK_BYTES
            data += chunk

    def _scan_whole(self, data: bytes, final: bool, row: int) -> tuple[list[list[str]], int]:
        records: list[list[str]] = []
        position = 0
        while position < len(data) and len(records) < BATCH_ROWS:
            found = self._scan(data, position, final, row + len(records))
            if found is None:
                break
            if found[0]:
                records.append(found[0])
            position = found[1]
        return records, position

    def _scan_span(self, data: bytes, span: Span) -> ScannedBatch:
        return self._scanned(self._scan_whole(data, True, span.first_row)[0], span)

    def _scanned(self, fields: list[list[str]], span: Span) -> ScannedBatch:
        assert self._header is not None  # noqa: S101 - batches() reads the header first
        return ScannedBatch(self._header, fields, span)
