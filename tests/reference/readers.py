"""CSV deliveries, plain or gzipped: one file, or every one below a folder.

Chosen where the contract is silent: a record ends at LF or CRLF; only a line without any character is blank;
a quote opens a quoted field only where the field begins, and text after the closing quote belongs to the
field as it stands (as in Python's csv module); header names are trimmed.
"""

import gzip
from collections.abc import Iterator
from pathlib import Path

from tests.reference.movies import REQUIRED, DataFile


class UnreadableError(Exception):
    """The delivery cannot be read as a whole."""


def read_delivery(source: Path) -> list[DataFile]:
    """The data files of a delivery in bytewise path order."""
    if source.is_file():
        paths = {source.name: source}
    else:
        paths = {path.relative_to(source).as_posix(): path for path in source.rglob("*.csv*")}
    files = [_data_file(name, paths[name]) for name in sorted(paths, key=str.encode)]
    if not any(file.records for file in files):
        raise UnreadableError("no data row")
    return files


def _data_file(name: str, path: Path) -> DataFile:
    content = path.read_bytes()
    try:
        text = (gzip.decompress(content) if name.endswith(".gz") else content).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UnreadableError(f"{name}: {error}") from error
    header, *rows = list(records(text)) or [[]]
    header = [column.strip() for column in header]
    missing = [column for column in REQUIRED if column not in header]
    if missing:
        raise UnreadableError(f"{name}: no column {', '.join(missing)}")
    return DataFile(name, header, rows)


def records(text: str) -> Iterator[list[str]]:
    """The records of a CSV text, the header's included, without blank lines."""
    at = len("\ufeff") if text.startswith("\ufeff") else 0
    while at < len(text):
        if text.startswith("\n", at) or text.startswith("\r\n", at):
            at = text.index("\n", at) + 1
            continue
        record: list[str] = []
        end = ","
        while end == ",":
            field, at, end = _field(text, at)
            record.append(field)
        yield record


def _field(text: str, at: int) -> tuple[str, int, str]:
    """One field that begins at a position, the position after its end, and what ended it."""
    quoted, at = _quoted(text, at + 1) if text.startswith('"', at) else ("", at)
    stop = at
    while stop < len(text) and text[stop] not in ",\n":
        stop += 1
    end = text[stop : stop + 1]
    bare = text[at:stop]
    if end == "\n":
        bare = bare.removesuffix("\r")
    return quoted + bare, stop + 1, end


def _quoted(text: str, at: int) -> tuple[str, int]:
    """The quoted text that begins at a position, and the position after its closing quote."""
    pieces = []
    while True:
        quote = text.find('"', at)
        if quote < 0:
            raise UnreadableError("unterminated quote")
        pieces.append(text[at:quote])
        if not text.startswith('""', quote):
            return "".join(pieces), quote + 1
        pieces.append('"')
        at = quote + 2
