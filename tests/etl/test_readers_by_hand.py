"""What a delivery in JSON Lines may hold, and what makes a delivery unreadable, worked out by hand."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from app.errors import UnreadableDelivery
from tests.reference.movies import REQUIRED
from tests.reference.readers import UnreadableError, read_delivery
from tests.support.deliveries import PLAIN, json_lines, parquet, zipped
from tests.support.program import produce

HEADER = list(REQUIRED)
GOOD = ["1", "T", "1999-12-31", "", "", "", "", ""]


def line(**cells: Any) -> str:
    """A JSON object with a valid id and date, and some keys more or else."""
    return json.dumps({"id": 1, "release_date": "1999-12-31"} | cells)


#: Lines, with the reject that each gives as (reason, id) or None. Blank ones have no number.
LINES: list[tuple[str, tuple[str, str] | None]] = [
    (line(id=1, title="T", budget=5, revenue=7.0, popularity=8.2e-05), None),
    (
        line(
            id="2", genres=[{"id": 1, "name": "Drama", "x": {"y": [True, None]}}], production_companies=None
        ),
        None,
    ),
    ("[1, 2]", ("malformed_row", "")),
    ('{"id": 4', ("malformed_row", "")),
    ('"text"', ("malformed_row", "")),
    ("null", ("malformed_row", "")),
    (line(id=7, budget=True), ("invalid_budget", "7")),
    (line(id=8.0), ("invalid_id", "8.0")),
    (line(id=None), ("invalid_id", "")),
    ("{}", ("invalid_id", "")),
    (line(id=11, release_date=None), ("missing_release_date", "11")),
    (line(id=12, budget=1e13), ("invalid_budget", "12")),
    (line(id=13, revenue=10**30), ("invalid_revenue", "13")),
    (line(id=14, genres=[{"id": 1.0, "name": "Drama"}]), ("invalid_genres", "14")),
    (line(id=15, genres=[{"id": True, "name": "Drama"}]), ("invalid_genres", "15")),
    (line(id=16, genres=[{"id": 1, "name": "\ud800"}]), ("invalid_genres", "16")),
    (line(id=17, genres={"id": 1, "name": "Drama"}), ("invalid_genres", "17")),
    (line(id=18, genres=[None]), ("invalid_genres", "18")),
    (line(id=19, genres="[{'id': 2, 'name': \"Mel's\"}]", title="\ud800"), None),
    (
        line(id=20, genres=[], production_companies=[{"id": 10**18, "name": "a"}]),
        ("invalid_production_companies", "20"),
    ),
    (line(id=" 19 "), None),
]


def test_json_lines(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text("\n\n".join(text for text, _ in LINES))
    outcome = produce(tmp_path / "home", source).outcome
    expected = {row: reject for row, (_, reject) in enumerate(LINES, 1) if reject} | {
        19: ("duplicate_id", "19")
    }
    assert {reject.row: (reject.reason, reject.id) for reject in outcome.rejects} == expected
    assert outcome.counts["accepted"] == 3
    assert outcome.dimensions["genre"] == {1: ("Drama", "drama")}


CSV = PLAIN.encoded(HEADER, [GOOD])
UNREADABLE_CSV = {
    "empty.csv": b"",
    "header-only.csv": PLAIN.encoded(HEADER, []),
    "no-column.csv": PLAIN.encoded(HEADER[:-2], [GOOD[:-2]]),
    "not-utf8.csv": CSV + b"2,\xff,1999-12-31,,,,,\n",
    "surrogate.csv": CSV + b"2,\xed\xa0\x80,1999-12-31,,,,,\n",
    "unterminated.csv": CSV + b'2,"T,1999-12-31,,,,,\n',
    "truncated.csv.gz": gzip.compress(CSV)[:-9],
    "damaged.csv.gz": gzip.compress(CSV)[:-8] + b"\0" * 8,
    "none.csv.gz": CSV,
}
UNREADABLE = UNREADABLE_CSV | {
    "truncated.csv.zst": zstd.compress(CSV)[:-3],
    "none.csv.zst": CSV,
    "two.zip": zipped(("a.csv", CSV), ("b.csv", CSV)),
    "no-csv.zip": zipped(("a.txt", CSV)),
    "none.zip": CSV,
    "none.parquet": CSV,
    "no-row.parquet": parquet(HEADER, []),
    "no-column.parquet": parquet(HEADER[:-2], [GOOD[:-2]]),
    "no-key.jsonl": json_lines(HEADER[:-2], [GOOD[:-2]]),
    "empty.jsonl": b"\n\n",
    "nothing.jsonl.gz": b"",
    "not-utf8.ndjson": b'{"id": "\xff"}\n',
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_deliveries_land_nothing(tmp_path: Path, name: str) -> None:
    source, home = tmp_path / name, tmp_path / "home"
    source.write_bytes(UNREADABLE[name])
    with pytest.raises(UnreadableDelivery, match=r".+") as error:
        produce(home, source)
    if name.startswith(("no-column", "no-key")):
        assert all(column in str(error.value) for column in HEADER[-2:])
    assert not list(home.glob("lake/runs/*/*.parquet"))


@pytest.mark.parametrize("name", UNREADABLE_CSV)
def test_the_reference_finds_them_unreadable_too(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(UNREADABLE[name])
    with pytest.raises(UnreadableError):
        read_delivery(tmp_path / name)


@pytest.mark.parametrize("name", ["no-column.csv", "nothing.jsonl.gz"])
def test_one_unreadable_file_makes_the_delivery_unreadable(tmp_path: Path, name: str) -> None:
    for file, content in (("a.csv", CSV), (name, UNREADABLE[name])):
        (tmp_path / file).write_bytes(content)
    with pytest.raises(UnreadableDelivery, match=re.escape(name)):
        produce(tmp_path / "home", tmp_path)
