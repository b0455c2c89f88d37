"""Answers in every format, read back by libraries that are not the program's."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Rows = list[dict[str, Any]]
#: Fields of rows that are text; the others are numbers.
TEXT = {"genre", "genre_slug", "company", "name", "slug"}


def of_ndjson(body: bytes) -> Rows:
    """Read one JSON object a line."""
    assert not body or body.endswith(b"\n")
    return [json.loads(line, parse_float=Decimal) for line in body.decode().split("\n")[:-1]]


def of_csv(body: bytes) -> Rows:
    """Read CSV, with CRLF after every line and an empty cell for null."""
    assert body.endswith(b"\r\n")
    lines = csv.DictReader(io.StringIO(body.decode(), newline=""), strict=True)
    return [{name: _cell(name, value) for name, value in row.items()} for row in lines]


def _cell(name: str, value: str) -> Any:
    return value if name in TEXT else Decimal(value) if value else None


def of_arrow(body: bytes) -> Rows:
    """Read an Arrow IPC stream."""
    rows: Rows = pa.ipc.open_stream(body).read_all().to_pylist()
    return rows


def of_parquet(body: bytes) -> Rows:
    """Read a Parquet file."""
    rows: Rows = pq.read_table(io.BytesIO(body)).to_pylist()
    return rows


FILES: Mapping[str, Callable[[bytes], Rows]] = {
    "ndjson": of_ndjson,
    "csv": of_csv,
    "arrow": of_arrow,
    "parquet": of_parquet,
}


def exact(rows: Rows) -> Rows:
    """Return rows whose numbers are decimals, as text has them: 12.5 is 12.5, not the nearest double."""
    return [{name: _number(value) for name, value in row.items()} for row in rows]


def _number(value: Any) -> Any:
    return Decimal(repr(value)) if isinstance(value, float) else value
