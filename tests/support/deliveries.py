"""Writers of deliveries: the same rows in every format and spelling that the contract names."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import cycle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd

from tests.reference.movies import REQUIRED, DataFile

Cells = list[list[str]]
TypedRow = dict[str, Any]


def minimal(cell: str) -> str:
    """Quoted only where it must be."""
    return quoted(cell) if cell.startswith('"') or any(char in cell for char in ",\r\n") else cell


def quoted(cell: str) -> str:
    """Always quoted."""
    return '"' + cell.replace('"', '""') + '"'


def half_quoted(cell: str) -> str:
    """The first half quoted and the rest appended, where the rest can stand bare; else quoted."""
    middle = (len(cell) + 1) // 2
    rest = cell[middle:]
    return quoted(cell[:middle]) + rest if rest and minimal(rest) == rest else quoted(cell)


@dataclass(frozen=True)
class CsvStyle:
    """How a CSV file is spelled. Spellings and line ends are taken in turn.

    ``blanks`` puts an empty line before every record, ``padded`` puts whitespace around header names.
    """

    spellings: Sequence[Callable[[str], str]] = (minimal,)
    ends: Sequence[str] = ("\n",)
    blanks: bool = False
    bom: bool = False
    last_end: bool = True
    padded: bool = False

    def text(self, header: list[str], records: Cells) -> str:
        """The CSV text."""
        spell, end = cycle(self.spellings), cycle(self.ends)
        lines = ["\ufeff"] if self.bom else []
        titles = [f" {name}\t" for name in header] if self.padded else header
        for record in [titles, *records]:
            blank = next(end) if self.blanks else ""
            line = ",".join(next(spell)(cell) for cell in record)
            lines.append(blank + (line or '""') + next(end))  # an empty line would be no record at all
        text = "".join(lines)
        return text if self.last_end else text.rstrip("\r\n")

    def encoded(self, header: list[str], records: Cells) -> bytes:
        """The CSV file."""
        return self.text(header, records).encode()


PLAIN = CsvStyle()


def json_lines(header: list[str], records: Cells) -> bytes:
    """JSON Lines of text cells; a record that does not fit the header becomes an array."""
    lines = (
        dict(zip(header, record, strict=True)) if len(record) == len(header) else record for record in records
    )
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def parquet(header: list[str], records: Cells) -> bytes:
    """Parquet of text columns; every record must fit the header."""
    columns = {
        name: pa.array([record[at] for record in records], pa.string()) for at, name in enumerate(header)
    }
    return _parquet(pa.table(columns))


def zipped(*members: tuple[str, bytes]) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def two_members(content: bytes) -> bytes:
    """Gzip in two members: one after the other is still one file (RFC 1952)."""
    middle = len(content) // 2
    return gzip.compress(content[:middle]) + gzip.compress(content[middle:])


#: File name -> writer. The same rows give the same marts in each of them.
FORMATS: dict[str, Callable[[list[str], Cells], bytes]] = {
    "lf.csv": PLAIN.encoded,
    "crlf.csv": CsvStyle(ends=("\r\n",), last_end=False).encoded,
    "mixed.csv": CsvStyle(
        (quoted, half_quoted, minimal), ("\r\n", "\n"), blanks=True, bom=True, padded=True
    ).encoded,
    "one.csv.gz": lambda header, records: gzip.compress(PLAIN.encoded(header, records)),
    "two.csv.gz": lambda header, records: two_members(PLAIN.encoded(header, records)),
    "one.csv.zst": lambda header, records: zstd.compress(PLAIN.encoded(header, records)),
    "only.zip": lambda header, records: zipped(
        ("notes.txt", b"-"), ("a/b.csv", PLAIN.encoded(header, records))
    ),
    "named.zip": lambda header, records: zipped(
        ("credits.csv", b"id\n1\n"), ("movies_metadata.csv", PLAIN.encoded(header, records))
    ),
    "lines.jsonl": json_lines,
    "lines.ndjson": lambda header, records: json_lines(header, records).replace(b"\n", b"\r\n\r\n"),
    "lines.jsonl.gz": lambda header, records: gzip.compress(json_lines(header, records)),
    "lines.ndjson.gz": lambda header, records: two_members(json_lines(header, records)),
    "text.parquet": parquet,
}

#: Five paths in bytewise order, which is neither the order of their folders nor the order of their letters.
FIVE_PATHS = ("B.csv", "a-1.csv", "a.csv", "a/b.csv", "\u00e9.csv")


def split(file: DataFile, paths: Sequence[str] = FIVE_PATHS) -> list[DataFile]:
    """The same records, in order, as one file per path."""
    size = -(-len(file.records) // len(paths))
    return [
        DataFile(path, file.header, file.records[at * size : (at + 1) * size])
        for at, path in enumerate(paths)
    ]


def write(folder: Path, files: Iterable[DataFile], style: CsvStyle = PLAIN) -> Path:
    """Write files as CSV below a folder, and return the folder."""
    for file in files:
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.path).write_bytes(style.encoded(file.header, file.records))
    return folder


def as_cells(rows: Iterable[TypedRow]) -> Cells:
    """What typed rows count as: null is empty, a float its shortest decimal, a list of objects a list."""
    return [[_cell(row.get(name)) for name in REQUIRED] for row in rows]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return json.dumps(value)
    return repr(value) if isinstance(value, float) else str(value)


def typed_json_lines(rows: Iterable[TypedRow]) -> bytes:
    """JSON Lines of typed rows; dates are text."""
    return "".join(json.dumps(row, default=date.isoformat) + "\n" for row in rows).encode()


_MEMBERS = pa.list_(pa.struct([("name", pa.string()), ("id", pa.int64())]))
_TYPES = {
    "id": pa.int64(),
    "title": pa.string(),
    "release_date": pa.date32(),
    "budget": pa.int64(),
    "revenue": pa.float64(),
    "popularity": pa.float64(),
    "genres": _MEMBERS,
    "production_companies": _MEMBERS,
}


def typed_parquet(rows: Sequence[TypedRow]) -> bytes:
    """Parquet of typed rows: integers, floats, dates, lists of structs."""
    columns = {name: pa.array([row.get(name) for row in rows], kind) for name, kind in _TYPES.items()}
    return _parquet(pa.table(columns))


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
