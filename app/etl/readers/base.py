"""What every reader gives: batches of cells, and the whole record of any row again."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from app.errors import UnreadableDelivery, near_miss
from app.etl.readers.hashing import Hashes
from app.marts.definitions import REQUIRED_COLUMNS

#: Columns that are read; a title identifies a movie for people and feeds no mart.
READ_COLUMNS = tuple(column for column in REQUIRED_COLUMNS if column != "title")

#: About how many bytes of a decompressed file one batch holds.
BLOCK_BYTES = 16 * 2**20

#: At most how many rows one batch holds, however short they are.
BATCH_ROWS = 100_000

#: Every so many records a span knows where one begins.
MARK_EVERY = 64

#: Places of records in a batch.
Places = NDArray[np.int64]

CELLS_SCHEMA: dict[str, Any] = {
    "row": pl.Int64,
    "fields": pl.Int64,
    "malformed": pl.Boolean,
    **dict.fromkeys(READ_COLUMNS, pl.String),
}


@dataclass(frozen=True)
class DataFile:
    """One file of a delivery. ``name`` is its path relative to the delivery, ``path`` where to read it."""

    index: int
    name: str
    path: Path
    size: int
    modified_ns: int = 0
    sha256: str = ""

    def unreadable(self, message: str, hint: str = "deliver the file again") -> UnreadableDelivery:
        """Return the error that this file makes the delivery unreadable."""
        return UnreadableDelivery(f"{self.name}: {message}", hint)


@dataclass(frozen=True)
class Span:
    """Where a batch stands in its file, so that it can be read again: bytes decompressed, or rows of Parquet.

    ``consumed`` is how many bytes of the file as delivered were read when the batch was complete, ``marks``
    where every 64th record begins, if that is known.
    """

    offset: int
    length: int
    first_row: int
    rows: int
    consumed: int
    marks: tuple[int, ...] = ()

    def around(self, row: int) -> "Span":
        """Return the smallest part that holds a row and can be read by itself."""
        if not self.marks:
            return self
        place = (row - self.first_row) // MARK_EVERY
        begin, end = [*self.marks, self.length][place : place + 2]
        first = place * MARK_EVERY
        rows = min(MARK_EVERY, self.rows - first)
        return Span(self.offset + begin, end - begin, self.first_row + first, rows, self.consumed)


@dataclass(frozen=True)
class Record:
    """A whole record: the id as written and the fields as a JSON array."""

    id: str
    json: str


class Batch(Protocol):
    """Consecutive records of one file.

    ``cells`` has the columns of ``CELLS_SCHEMA``: the 1-based record number, the number of fields found,
    whether that differs from the header's, and the cells as written (null or empty text where empty).
    """

    @property
    def span(self) -> Span:
        """Where the batch stands."""
        ...

    @property
    def cells(self) -> pl.DataFrame:
        """The cells, parsed when first asked for."""
        ...

    def records(self, rows: Sequence[int]) -> list[Record]:
        """Return the whole records of these record numbers, in this order."""
        ...

    def hashes(self, seed: bytes) -> Hashes:
        """Return the hash of every record; equal ones have equal cells, whichever file they are in."""
        ...

    def cells_at(self, places: Places) -> pl.DataFrame:
        """Return the cells of the records at these places (ascending, the first is 0), parsing no others."""
        ...


class Reader(Protocol):
    """Reads one data file. Both methods raise ``UnreadableDelivery``."""

    def batches(self) -> Iterator[Batch]:
        """Read the file from its beginning; each batch is independent of the others."""
        ...

    def again(self, spans: Sequence[Span]) -> Iterator[Batch]:
        """Read only these spans, given in ascending order."""
        ...

    def columns(self) -> set[str]:
        """Return the columns seen so far."""
        ...


def missing_columns(found: set[str]) -> list[str]:
    """Return the required columns that were not found, in the contract's order."""
    return [column for column in REQUIRED_COLUMNS if column not in found]


def missing_columns_error(where: str, found: set[str]) -> UnreadableDelivery:
    """Return the error that names every missing column."""
    missing = missing_columns(found)
    hint = f"the header has {', '.join(sorted(found)[:40]) or 'no column'}"
    if len(missing) == 1 and found:
        hint = f"found {near_miss(missing[0], found)}"
    return UnreadableDelivery(f"{where}: missing column{'s' * (len(missing) > 1)} {', '.join(missing)}", hint)


def record_json(fields: Sequence[str]) -> str:
    """Return a record's fields as a JSON array."""
    return orjson.dumps(list(fields)).decode()


def typed_record_json(values: Iterable[Any]) -> str:
    """Return a record's typed values as a JSON array; what JSON has no form for becomes text."""
    fields = list(values)
    try:
        return json.dumps(fields, default=_plain_text, allow_nan=False)
    except ValueError:  # NaN or an infinity, however deep
        loose = json.dumps(fields, default=_plain_text)
        return json.dumps(json.loads(loose, parse_constant=str))


def _plain_text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
