"""A warehouse and another one, made of what the first has landed: seen with the standard library alone."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.settings import Settings
from tests.reference.marts import KEYS, Mart
from tests.support import wild
from tests.support.deliveries import write as write_files
from tests.support.published import TABLES, warehouse
from tests.support.small import movie, movies, write

MILLIONTHS = {"popularity", "avg_popularity"}
#: Columns of a run that say how it went on in its warehouse, and those that hold JSON.
OWN = {"status", "reason", "published_at"}
JSON = {"rejects", "without", "tables", "files", "options"}


@dataclass(frozen=True)
class Lake:
    """A program that made three runs, and another one with an empty warehouse and the same destination.

    ``old`` was published, then ``new`` in its place; an audit held back the third.
    """

    first: Settings
    second: Settings
    delivery: Path
    old: str
    new: str
    held: str

    def folder(self, run_id: str) -> Path:
        """Return where a run has landed."""
        return self.first.home / "lake" / "runs" / run_id


def make_lake(folder: Path) -> Lake:
    """Make the three runs below a folder; the second is of a delivery with every form of cell."""
    first = Settings(home=folder / "first", _env_file=None)
    second = Settings(home=folder / "second", destination=str(folder / "first" / "lake"), _env_file=None)
    delivery = write_files(folder / "wild", [wild.catalogue()])
    bad = write(folder / "bad.csv", [movie(1), movie(2, date="x")])
    options = RunOptions(max_reject_ratio=1.0, as_of="2026-11-01", require_financials=True)
    made = [
        run_delivery(first, str(movies(folder / "old.csv", 3)), RunOptions()),
        run_delivery(first, str(delivery), options),
        run_delivery(first, str(bad), RunOptions(allow_shrink=True)),
    ]
    return Lake(first, second, delivery, *(outcome.run.run_id for outcome in made))


def copied(lake: Lake, folder: Path) -> Lake:
    """Copy what the first program has and landed below another folder, where it goes on."""
    home = folder / "first"
    shutil.copytree(lake.first.home, home)
    with warehouse(home) as connection:
        connection.execute("UPDATE run SET location = ? || '/lake/runs/' || run_id", (str(home),))
    first = lake.first.model_copy(update={"home": home})
    second = lake.second.model_copy(update={"home": folder / "second", "destination": str(home / "lake")})
    return replace(lake, first=first, second=second)


def contents(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table that holds rows of runs: marts, dimensions and what the API reads."""
    with warehouse(home) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        names = [
            row["name"] for row in found if row["name"].startswith(("mart_", "dim_", "leader", "ranking"))
        ]
        names += [
            row["name"] for row in found if row["name"] in {"search_genre", "search_production_company"}
        ]
        return {name: _rows(connection, name) for name in sorted(names)}


def _rows(connection: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in connection.execute(f"SELECT * FROM {table}")), key=repr)  # noqa: S608 - our names


def catalogue(home: Path) -> list[dict[str, Any]]:
    """Return what the catalogue says of every run, the oldest first."""
    with warehouse(home) as connection:
        found = connection.execute("SELECT * FROM run ORDER BY run_id").fetchall()
    return [
        {name: json.loads(row[name]) if name in JSON else row[name] for name in row.keys()}  # noqa: SIM118 - a row has values
        for row in found
    ]


def shared(home: Path) -> list[dict[str, Any]]:
    """Return the same without what a run has of its own in each warehouse."""
    return [{name: value for name, value in run.items() if name not in OWN} for run in catalogue(home)]


def statuses(home: Path) -> dict[str, str]:
    """Return the status of each run."""
    return {run["run_id"]: run["status"] for run in catalogue(home)}


def marts(home: Path) -> dict[str, Mart]:
    """Return the marts of the only run in a warehouse, as the reference has them."""
    with warehouse(home) as connection:
        return {name: dict(_keyed(connection, name)) for name in KEYS}


def genres(home: Path) -> dict[int, tuple[str, ...]]:
    """Return the genres of the only run in a warehouse, as the reference has them."""
    with warehouse(home) as connection:
        found = connection.execute("SELECT id, name, slug FROM dim_genre").fetchall()
    return {row["id"]: (row["name"], row["slug"]) for row in found}


def _keyed(connection: sqlite3.Connection, mart: str) -> Iterator[tuple[tuple[int, ...], dict[str, Any]]]:
    for row in connection.execute(f"SELECT * FROM {TABLES[mart][0]}"):  # noqa: S608 - our names
        values = dict(row)
        key = tuple(values.pop(name) for name in KEYS[mart])
        yield key, {name: _exact(name, value) for name, value in values.items() if name != "run"}


def _exact(name: str, value: int | None) -> int | Decimal | None:
    return Decimal(value).scaleb(-6) if name in MILLIONTHS and value is not None else value
