"""What a format is. SQLite writes the rows as text, in one step: no row becomes an object of Python.

A thread that runs a step of SQLite does not hold the interpreter, so an export leaves other requests their
time. A format says how rows are written, and makes bytes of the text.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.serving.fields import Field


@dataclass(frozen=True)
class Lines:
    """How SQLite writes rows. ``row`` gets the fields and returns the SQL of one row's text.

    Columns have the names of their fields. ``separator`` stands between two rows, ``end`` after the last one.
    """

    row: Callable[[Sequence[Field]], str]
    separator: bytes
    end: bytes


@dataclass(frozen=True)
class About:
    """What an envelope says of its rows."""

    meta: Mapping[str, Any]
    links: Mapping[str, Any]


class Writer(Protocol):
    """Makes one file of rows that come in batches."""

    def write(self, text: bytes) -> bytes:
        """Take the text of some rows, none perhaps, and return what is ready of the file."""

    def finish(self) -> bytes:
        """Return the rest of the file."""


class Format(Protocol):
    """One form of an answer.

    A ``packed`` one gains nothing from being compressed. Even a page of a ``slow`` one is too long for the
    event loop.
    """

    name: str
    media_type: str
    #: Other names of the same form.
    aliases: tuple[str, ...]
    packed: bool
    slow: bool
    lines: Lines

    def page(self, fields: Sequence[Field], text: bytes, about: About) -> bytes:
        """Return the body of a page with the text of its rows."""


class Streamed(ABC):
    """A format without envelope: a page of it is a small file."""

    name: str
    media_type: str
    aliases: tuple[str, ...] = ()
    packed = False
    slow = False
    lines: Lines

    @abstractmethod
    def writer(self, fields: Sequence[Field]) -> Writer:
        """Begin a file of rows with these fields."""

    def page(self, fields: Sequence[Field], text: bytes, about: About) -> bytes:
        """Return the body of a page; what an envelope would say is in the headers."""
        writer = self.writer(fields)
        return writer.write(text) + writer.finish()


class AsItIs:
    """Writes a head and then the text of the rows."""

    def __init__(self, head: bytes = b"") -> None:
        self._head = head

    def write(self, text: bytes) -> bytes:
        """Return the text, the first time behind the head."""
        head, self._head = self._head, b""
        return head + text

    def finish(self) -> bytes:
        """Return nothing: such a file has no end of its own."""
        return b""


def literal(text: str) -> str:
    """Return a text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def decimal_text(column: str, scale: int) -> str:
    """Return the SQL of the shortest text of an exact decimal: no zeros at its end; null stays null."""
    size, unit = f"abs({column})", 10**scale
    sign = f"CASE WHEN {column} < 0 THEN '-' ELSE '' END"
    digits = f"printf('%s%d.%0{scale}d', {sign}, {size} / {unit}, {size} % {unit})"
    return f"CASE WHEN {column} IS NOT NULL THEN rtrim(rtrim({digits}, '0'), '.') END"
