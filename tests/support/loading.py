"""Loading runs of such movies into warehouses that read landed files, and what is in them then."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from app.database import sole_writer
from app.marts.catalog import publication_table
from app.marts.tables import RUN_TABLES
from app.warehouse.base import LandedRun, Warehouse
from app.warehouse.runs import insert_run
from tests.support.landed import COLUMNS
from tests.support.movies import Movie, Row, stored


def load(warehouse: Warehouse, landed: LandedRun) -> int:
    """Stage and load a run as the program does; return its number."""
    warehouse.stage(landed)
    with sole_writer(warehouse.engine, publication_table) as connection:
        run = insert_run(connection, _values(landed))
        warehouse.load(connection, run, landed)
    return run


def _values(landed: LandedRun) -> dict[str, Any]:
    return {
        "run_id": landed.run_id,
        "status": "held",
        "reason": "not yet, n'est-ce pas",
        "created_at": datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC),
        "rows": 1,
        "accepted": 1,
        "rejects": {},
        "without": {},
        "tables": dict(landed.rows),
        "files": [{"path": "été.csv", "size": 10, "sha256": "ab" * 32}],
        "options": {},
        "fingerprint": "cd" * 32,
        "engine": "polars",
    }


def rows(warehouse: Warehouse, name: str, run: int) -> list[Row]:
    """Return the rows of a table of a run as the warehouse reads them, by key."""
    with warehouse.engine.connect() as connection:
        found = [row for part in warehouse.read(connection, RUN_TABLES[name], run) for row in part.to_dicts()]
    assert {row["run"] for row in found} <= {run}
    return _shown(name, found)


def wanted(name: str, movies: Sequence[Movie]) -> list[Row]:
    """Return the rows that a table of a run of these movies has, by key."""
    return _shown(name, stored(name, movies))


def _shown(name: str, found: Sequence[Row]) -> list[Row]:
    return [{column: row[column] for column in COLUMNS[name]} for row in found]
