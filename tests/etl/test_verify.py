"""Verifying runs: nothing to find in a whole one, and whatever was changed by hand is found."""

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from app.errors import DamagedRun, PrunedRun, UnknownRun
from app.etl import compare
from app.etl.compare import Comparison, Difference
from app.etl.retention import keep_newest
from app.etl.verify import verify
from app.settings import Settings
from app.warehouse.opening import ready_warehouse
from tests.support.published import TABLES, warehouse
from tests.support.rebuilding import Lake

REPORTS = ("genre_data.csv", "production_data.csv")


def differing(compared: list[Comparison]) -> list[Comparison]:
    return [item for item in compared if item.differences]


def only(compared: list[Comparison]) -> tuple[str, str, list[Difference]]:
    """Return the only place and table that differ, and how."""
    [found] = differing(compared)
    assert found.differences == len(found.first)
    return found.where, found.what, found.first


def rows_of(file: Path) -> int:
    return int(pq.read_metadata(file).num_rows)


@pytest.mark.parametrize("pieces", [None, 7])
def test_a_whole_run(made_lake: Lake, monkeypatch: pytest.MonkeyPatch, pieces: int | None) -> None:
    if pieces:
        monkeypatch.setattr(compare, "_ROWS", pieces)
        monkeypatch.setattr("app.warehouse.rows._ROWS_READ", 2 * pieces + 1)
    compared = verify(made_lake.first, made_lake.new)
    folder = made_lake.folder(made_lake.new)
    rows = {name: rows_of(folder / f"{name}.parquet") for name in (*TABLES, "rejects")}
    assert [(item.where, item.what, item.rows) for item in compared] == [
        *(("landed", f"{name}.parquet", rows[name]) for name in rows),
        *(("landed", f"report/{name}", None) for name in REPORTS),
        ("warehouse", "run", None),
        *(("warehouse", name, rows[name]) for name in TABLES),
    ]
    assert rows["company_genre_year"] > 100
    assert differing(compared) == []
    assert {item.note for item in compared} == {None}


# In the statements below 2 is the number of the run that is called ``new``.
def change(home: Path, statement: str, *values: Any) -> None:
    with warehouse(home) as connection:
        assert connection.execute(statement, values).rowcount == 1


def row(home: Path, statement: str, *values: Any) -> sqlite3.Row:
    with warehouse(home) as connection:
        found: sqlite3.Row = connection.execute(statement, values).fetchone()
        return found


def test_a_value_changed_in_the_warehouse(lake: Lake) -> None:
    home = lake.first.home
    was = row(home, "SELECT * FROM mart_genre_year WHERE run = 2 ORDER BY year, genre_id LIMIT 1 OFFSET 5")
    key = {"genre_id": was["genre_id"], "year": was["year"]}
    add = "UPDATE mart_genre_year SET budget = budget + 1 WHERE run = 2 AND genre_id = ? AND year = ?"
    change(home, add, *key.values())
    expected = Difference(key, "budget", was["budget"], was["budget"] + 1)
    assert only(verify(lake.first, lake.new)) == ("warehouse", "genre_year", [expected])


def test_millionths_are_shown_as_what_they_mean(lake: Lake) -> None:
    home = lake.first.home
    was = row(home, "SELECT year, popularity FROM mart_year WHERE run = 2 AND popularity > 0")
    change(home, "UPDATE mart_year SET popularity = 1500000 WHERE run = 2 AND year = ?", was["year"])
    expected = Difference({"year": was["year"]}, "popularity", was["popularity"] / 10**6, 1.5)
    assert only(verify(lake.first, lake.new)) == ("warehouse", "year", [expected])


def test_rows_deleted_and_added(lake: Lake) -> None:
    home = lake.first.home
    was = row(home, "SELECT id, name, slug FROM dim_genre WHERE run = 2 ORDER BY id LIMIT 1 OFFSET 1")
    change(home, "UPDATE dim_genre SET id = 999999999 WHERE run = 2 AND id = ?", was["id"])
    values = {"name": was["name"], "slug": was["slug"]}
    assert only(verify(lake.first, lake.new)) == (
        "warehouse",
        "genre",
        [
            Difference({"id": was["id"]}, None, values, None),
            Difference({"id": 999999999}, None, None, values),
        ],
    )


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("accepted", 1, 1),
        ("rejects", '{"invalid_id": 9}', {"invalid_id": 9}),
        ("as_of", "2020-01-01", "2020-01-01"),
    ],
)
def test_a_changed_catalogue(lake: Lake, column: str, value: Any, found: Any) -> None:
    change(lake.first.home, f"UPDATE run SET {column} = ? WHERE run_id = ?", value, lake.new)  # noqa: S608 - our names
    where, what, [difference] = only(verify(lake.first, lake.new))
    assert (where, what, difference.key) == ("warehouse", "run", {"run_id": lake.new})
    assert (difference.column, difference.found) == (column, found)


@pytest.mark.parametrize(
    "name", [*(f"{name}.parquet" for name in (*TABLES, "rejects")), *(f"report/{name}" for name in REPORTS)]
)
def test_a_changed_landed_object(lake: Lake, name: str) -> None:
    path = lake.folder(lake.new) / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    compared = verify(lake.first, lake.new)
    where, what, [difference] = only(compared)
    assert (where, what, difference.column) == ("landed", name, "sha256")
    notes = {item.what: item.note for item in compared if item.note}
    table = name.removesuffix(".parquet")
    assert notes == ({table: "not compared: what has landed is damaged"} if table in TABLES else {})


def test_objects_cut_short_missing_and_strange(lake: Lake) -> None:
    folder = lake.folder(lake.new)
    size = (folder / "genre.parquet").stat().st_size
    os.truncate(folder / "genre.parquet", 10)
    (folder / "report" / "genre_data.csv").unlink()
    (folder / "notes.txt").write_text("by hand")
    found = {item.what: item.first for item in differing(verify(lake.first, lake.new))}
    assert found.pop("genre.parquet") == [Difference({}, "size", size, 10)]
    assert found.pop("notes.txt") == [Difference({}, None, None, "not in the manifest")]
    [missing] = found.pop("report/genre_data.csv")
    assert (missing.expected.keys(), missing.found) == ({"size", "sha256"}, None)
    assert found == {}


def test_rows_that_are_not_as_many_as_the_manifest_says(lake: Lake) -> None:
    path = lake.folder(lake.new) / "manifest.json"
    rows = rows_of(lake.folder(lake.new) / "year.parquet")
    path.write_text(path.read_text().replace(f'"year": {rows},', '"year": 1,'))
    found = {(item.where, item.what): item.first for item in differing(verify(lake.first, lake.new))}
    assert found["landed", "year.parquet"] == [Difference({}, "rows", 1, rows)]
    assert found["warehouse", "run"][0].column == "tables"


@pytest.fixture
def replica(lake: Lake) -> Path:
    """A copy of the warehouse as a file of its own."""
    path = lake.first.home / "replica.sqlite"
    with warehouse(lake.first.home) as connection:
        connection.execute("VACUUM INTO ?", (str(path),))
    return path


def test_a_replica_is_compared_too(lake: Lake, replica: Path) -> None:
    compared = verify(lake.first, lake.new, replica)
    assert [item.what for item in compared if item.where == "replica"] == ["run", *TABLES]
    assert differing(compared) == []
    with sqlite3.connect(replica) as connection:
        connection.execute("UPDATE mart_year SET releases = releases + 1 WHERE run = 2 AND year = 1999")
    connection.close()
    where, what, [difference] = only(verify(lake.first, lake.new, replica))
    assert (where, what, difference.key, difference.column) == ("replica", "year", {"year": 1999}, "releases")


def test_a_replica_that_has_not_got_the_run(lake: Lake, replica: Path) -> None:
    empty = Settings(home=replica.parent / "empty", _env_file=None)
    ready_warehouse(empty.warehouse)
    compared = verify(lake.first, lake.new, empty.home / "warehouse.sqlite")
    assert differing(compared) == []
    assert {item.note for item in compared if item.where == "replica"} == {"the run is not there"}


def test_runs_that_cannot_be_verified(lake: Lake) -> None:
    with pytest.raises(UnknownRun, match="no run 'none'"):
        verify(lake.first, "none")
    change(lake.first.home, "UPDATE run SET status = 'failed' WHERE run_id = ?", lake.held)
    with pytest.raises(UnknownRun, match="failed and has no marts"):
        verify(lake.first, lake.held)
    change(lake.first.home, "UPDATE run SET location = NULL WHERE run_id = ?", lake.old)
    with pytest.raises(UnknownRun, match="has no landed files"):
        verify(lake.first, lake.old)
    (lake.folder(lake.new) / "manifest.json").write_text("{}")
    with pytest.raises(DamagedRun, match="Field required"):
        verify(lake.first, lake.new)
    shutil.rmtree(lake.folder(lake.new))
    with pytest.raises(UnknownRun, match="has landed under"):
        verify(lake.first, lake.new)


def test_a_pruned_run(lake: Lake) -> None:
    keep_newest(ready_warehouse(lake.first.warehouse), 1)
    with pytest.raises(PrunedRun):
        verify(lake.first, lake.old)
