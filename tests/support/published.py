"""What is published and what lies about, seen with the standard library and pyarrow alone."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

#: Tables of a run in the warehouse, with their keys.
TABLES = {
    "year": ("mart_year", "year"),
    "genre_year": ("mart_genre_year", "genre_id, year"),
    "company_year": ("mart_company_year", "company_id, year"),
    "company_genre_year": ("mart_company_genre_year", "company_id, genre_id, year"),
    "genre": ("dim_genre", "id"),
    "production_company": ("dim_production_company", "id"),
}


@dataclass(frozen=True)
class Published:
    """The published run: its id, and a check sum over every row of its tables."""

    run_id: str
    digest: str


@contextmanager
def warehouse(home: Path) -> Iterator[sqlite3.Connection]:
    """Open the warehouse; nothing is decoded and nothing begun by itself."""
    with closing(sqlite3.connect(home / "warehouse.sqlite", isolation_level=None, timeout=30)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def published(home: Path) -> Published:
    """Read the published run in one transaction, as a reader does, and check that it is whole."""
    with warehouse(home) as connection:
        connection.execute("BEGIN")
        run = pointed_run(connection)
        _assert_whole(connection, run)
        _assert_landed(run)
        return Published(run["run_id"], _digest(connection, run["seq"]))


def pointed_run(connection: sqlite3.Connection) -> Any:
    """Return the row of the run that the published pointer names."""
    newest = "SELECT run FROM publication ORDER BY seq DESC LIMIT 1"
    return connection.execute(f"SELECT * FROM run WHERE seq = ({newest})").fetchone()  # noqa: S608 - no outside text


def counts(connection: sqlite3.Connection, run: int) -> dict[str, int]:
    """Return the rows of a run, table by table."""
    return {name: _one(connection, f"count(*) FROM {table}", run) for name, (table, _) in TABLES.items()}


def _assert_whole(connection: sqlite3.Connection, run: sqlite3.Row) -> None:
    statuses = connection.execute("SELECT run_id FROM run WHERE status = 'published'").fetchall()
    assert [row["run_id"] for row in statuses] == [run["run_id"]]
    assert run["pruned_at"] is None
    promised = json.loads(run["tables"])
    assert counts(connection, run["seq"]) == {name: promised[name] for name in TABLES}
    assert _one(connection, "sum(releases) FROM mart_year", run["seq"]) == run["accepted"]


def _one(connection: sqlite3.Connection, what: str, run: int) -> Any:
    return connection.execute(f"SELECT {what} WHERE run = ?", (run,)).fetchone()[0]


def _assert_landed(run: sqlite3.Row) -> None:
    folder, promised = Path(run["location"]), json.loads(run["tables"])
    assert json.loads((folder / "manifest.json").read_text())["tables"] == promised
    landed = {name: pq.read_metadata(folder / f"{name}.parquet").num_rows for name in promised}
    assert landed == promised


def _digest(connection: sqlite3.Connection, run: int) -> str:
    digest = hashlib.sha256()
    for table, key in TABLES.values():
        rows = connection.execute(f"SELECT * FROM {table} WHERE run = ? ORDER BY {key}", (run,))  # noqa: S608 - our names
        for row in rows:
            digest.update(repr(tuple(row)[1:]).encode())  # without the run's number, its first column
    return digest.hexdigest()


def litter(home: Path, destination: Path | None = None) -> list[str]:
    """Return what a run that did not end well must not leave once another has ended well."""
    landed = destination or home / "lake"
    torn = [path for path in landed.glob("runs/*") if not (path / "manifest.json").is_file()]
    found = [*torn, *landed.rglob("*.part"), *home.glob("work/*")]
    with warehouse(home) as connection:
        locks = [f"lock of {row['run_id']}" for row in connection.execute("SELECT run_id FROM run_lock")]
    return [*map(str, found), *locks]
