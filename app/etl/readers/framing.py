"""Cutting CSV bytes into records (RFC 4180, LF or CRLF) without reading them field by field.

A block is *regular* when every quote in it opens a field, closes one, or is doubled inside one. Then the
number of quotes before a byte tells whether it stands inside quotes, and numpy finds every record and counts
its fields at memory speed. Anything else is read record by record by ``scan_record``, slowly but exactly: a
quote opens a field only at its first character, and text after a closing quote belongs to the field.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

QUOTE, COMMA, NEWLINE, RETURN = b'",\n\r'
_FIELD_END = re.compile(rb"[,\n]")

MAX_RECORD_BYTES = 16 * 2**20

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Frame:
    """Records of a regular block: where each line begins and ends (line end left out) and its field count.

    A blank line has a place here, and no field: it is skipped and has no number.
    """

    starts: Positions
    ends: Positions
    fields: Positions

    @property
    def records(self) -> int:
        """Return how many records there are, blank lines not counted."""
        return int((self.fields > 0).sum())

    def marks(self, every: int) -> tuple[int, ...]:
        """Return where every so many records one begins, blank lines not counted."""
        return tuple(self.starts[self.fields > 0][::every].tolist())

    def cut(self, end: int, lines: int) -> Iterator[tuple[int, int, "Frame"]]:
        """Cut a block that ends at ``end`` into frames of at most so many lines, with their begin and end."""
        for first in range(0, len(self.starts), lines):
            part = slice(first, first + lines)
            begin = int(self.starts[first])
            stop = int(self.starts[first + lines]) if first + lines < len(self.starts) else end
            yield begin, stop, Frame(self.starts[part] - begin, self.ends[part] - begin, self.fields[part])


def last_record_end(data: bytes) -> int:
    """Return where the last whole record of regular data ends, its line end included; 0 where none does."""
    end = len(data)
    inside = data.count(b'"') % 2 == 1
    while True:
        newline = data.rfind(b"\n", 0, end)
        if newline < 0:
            return 0
        inside ^= data.count(b'"', newline, end) % 2 == 1
        if not inside:
            return newline + 1
        end = newline


def frame(data: bytes) -> Frame | None:
    """Find the records of a block that ends with a whole record; None where the block is not regular."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(buffer == QUOTE)
    if not _regular(buffer, quotes):
        return None
    newlines = np.flatnonzero(buffer == NEWLINE)
    ends = newlines[(np.searchsorted(quotes, newlines) & 1) == 0]
    if len(data) and (not len(ends) or ends[-1] != len(data) - 1):
        ends = np.append(ends, len(data))
    starts = np.concatenate(([0], ends[:-1] + 1))
    if len(ends):
        returns = (ends > starts) & (buffer[np.maximum(ends - 1, 0)] == RETURN)
        ends = ends - returns
    return Frame(starts, ends, _count_fields(buffer, quotes, starts, ends))


def _regular(buffer: NDArray[np.uint8], quotes: Positions) -> bool:
    if len(quotes) % 2:
        return False
    opens, closes = quotes[0::2], quotes[1::2]
    doubled = opens[1:] == closes[:-1] + 1
    before = buffer[np.maximum(opens - 1, 0)]
    opens_field = (opens == 0) | (before == COMMA) | (before == NEWLINE)
    opens_field[1:] |= doubled
    after = buffer[np.minimum(closes + 1, len(buffer) - 1)]
    after_next = buffer[np.minimum(closes + 2, len(buffer) - 1)]
    closes_field = (closes + 1 >= len(buffer)) | (after == COMMA) | (after == NEWLINE)
    closes_field |= (after == RETURN) & ((after_next == NEWLINE) | (closes + 2 >= len(buffer)))
    closes_field[:-1] |= doubled
    return bool(opens_field.all() and closes_field.all())


def _count_fields(
    buffer: NDArray[np.uint8], quotes: Positions, starts: Positions, ends: Positions
) -> Positions:
    commas = np.flatnonzero(buffer == COMMA)
    before_quote = np.searchsorted(commas, quotes)
    quoted = np.concatenate(([0], np.cumsum(before_quote[1::2] - before_quote[0::2])))
    closes = quotes[1::2]

    def outside(positions: Positions) -> Positions:
        return np.searchsorted(commas, positions) - quoted[np.searchsorted(closes, positions)]

    return np.where(ends > starts, outside(ends) - outside(starts) + 1, 0)


def scan_record(data: bytes, start: int, final: bool) -> tuple[list[str], int] | None:
    """Read the record that begins at ``start``: its fields and the offset behind its line end.

    Returns None where the data ends inside the record and more may follow (``final`` is false). A blank line
    is a record of no field.

    Raises:
        UnterminatedQuote: the data ends inside quotes and is final.
        RecordTooLong: the record is longer than ``MAX_RECORD_BYTES``.
    """
    fields: list[bytes] = []
    position = start
    while True:
        text, position, closed = _scan_quoted(data, position)
        if not closed:
            if final:
                raise UnterminatedQuote
            return None
        end = _FIELD_END.search(data, position)
        if end is None and not final:
            return None
        stop = end.start() if end else len(data)
        field = text + data[position:stop]
        if end is not None and end.group() == b",":
            fields.append(field)
            position = stop + 1
            if position - start > MAX_RECORD_BYTES:
                raise RecordTooLong
            continue
        fields.append(field.removesuffix(b"\r"))
        if len(fields) == 1 and data[start:stop] in (b"", b"\r"):
            fields = []
        return [field.decode() for field in fields], stop + (end is not None)


def _scan_quoted(data: bytes, start: int) -> tuple[bytes, int, bool]:
    """Read the quoted part that a field may begin with: its text, the offset behind it, was it closed."""
    if data[start : start + 1] != b'"':
        return b"", start, True
    close = start + 1
    while True:
        close = data.find(b'"', close)
        if close < 0:
            return b"", len(data), False
        if data[close + 1 : close + 2] != b'"':
            return data[start + 1 : close].replace(b'""', b'"'), close + 1, True
        close += 2


class UnterminatedQuote(Exception):
    """The data ends inside a quoted field."""


class RecordTooLong(Exception):
    """A record is longer than any that is read."""
