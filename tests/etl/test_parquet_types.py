"""Parquet as writers in the wild leave it: odd names, bytes for text, dates beyond the calendar."""

import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app.errors import UnreadableDelivery
from tests.reference.movies import REQUIRED
from tests.support.program import produce

MOVIE = dict.fromkeys(REQUIRED, "") | {"id": "1", "release_date": "1999-12-31"}


def deliver(path: Path, **columns: Any) -> Path:
    """Write one movie, or as many as the given columns have rows."""
    rows = max([1, *(len(column) for column in columns.values())])
    frame = pl.DataFrame({name: [cell] * rows for name, cell in MOVIE.items()} | columns, strict=False)
    with path.open("wb") as file:
        frame.write_parquet(file)
    return path


@pytest.mark.parametrize(
    "name", [b"caf\xe9.parquet", "caf\u00e9 \U0001f600.parquet".encode(), b"[a]*.parquet", b"id=5.PARQUET"]
)
def test_names_of_files(tmp_path: Path, name: bytes) -> None:
    source = deliver(tmp_path / os.fsdecode(name))
    assert produce(tmp_path / "home", source).outcome.counts["accepted"] == 1


def test_text_written_as_bytes(tmp_path: Path) -> None:
    genres = [[{"id": 16, "name": b"Animation"}]]
    source = deliver(tmp_path / "a.parquet", id=[b"7"], genres=genres)
    outcome = produce(tmp_path / "home", source).outcome
    assert outcome.dimensions["genre"] == {16: ("Animation", "animation")}


@pytest.mark.parametrize(
    "columns",
    [{"id": [b"\xff"]}, {"genres": [[{"id": 16, "name": b"\xff"}]]}, {"budget": [timedelta(1)]}],
    ids=["bytes that are not UTF-8", "such bytes in a list", "a type with no text"],
)
def test_columns_that_are_no_text(tmp_path: Path, columns: dict[str, Any]) -> None:
    source = deliver(tmp_path / "a.parquet", **columns)
    with pytest.raises(UnreadableDelivery, match=r"a\.parquet: is no readable Parquet file \(.+\)"):
        produce(tmp_path / "home", source)


def test_dates_beyond_the_calendar_are_rejects(tmp_path: Path) -> None:
    last = (date(9999, 12, 31) - date(1970, 1, 1)).days
    days = pl.Series([last, last + 1, -10_000_000, 10**8], dtype=pl.Int32).cast(pl.Date)
    moments = pl.Series([0, 0, 0, 2**62]).cast(pl.Datetime("ms"))
    source = deliver(tmp_path / "a.parquet", id=["1", "2", "3", "4"], release_date=days, extra=moments)
    rejects = produce(tmp_path / "home", source).outcome.rejects
    assert [(reject.row, reject.reason) for reject in rejects] == [
        (row, "invalid_release_date") for row in (2, 3, 4)
    ]
    assert [reject.value for reject in rejects][2] == "100000000"
    assert [reject.record[-1] for reject in rejects] == ["1970-01-01", "1970-01-01", str(2**62)]
