"""Printing landed rejects, a slice at a time."""

from pathlib import Path
from typing import BinaryIO

import polars as pl

from app.etl.engines.base import REJECT_COLUMNS
from app.etl.spreadsheet import neutralised

_ROWS_AT_ONCE = 20_000
_TEXT = tuple(column for column in REJECT_COLUMNS if column != "row")


def write_csv(landed: Path, out: BinaryIO) -> None:
    """Write ``file,row,id,reason,value,record`` for people: formulas neutralised."""
    out.write((",".join(REJECT_COLUMNS) + "\n").encode())
    for offset in range(0, _rows(landed), _ROWS_AT_ONCE):
        safe = _slice(landed, offset).with_columns(neutralised(column) for column in _TEXT)
        out.write(safe.write_csv(include_header=False).encode())


def write_json(landed: Path, out: BinaryIO) -> None:
    """Write one JSON array of objects, as delivered."""
    separator = b"[\n"
    for offset in range(0, _rows(landed), _ROWS_AT_ONCE):
        for line in _slice(landed, offset).write_ndjson().encode().splitlines():
            out.write(separator + line)
            separator = b",\n"
    out.write(b"\n]\n" if separator != b"[\n" else b"[]\n")


def _rows(landed: Path) -> int:
    return int(pl.scan_parquet(landed, glob=False).select(pl.len()).collect().item())


def _slice(landed: Path, offset: int) -> pl.DataFrame:
    rows = pl.scan_parquet(landed, glob=False).slice(offset, _ROWS_AT_ONCE)
    return rows.select(REJECT_COLUMNS).collect()
