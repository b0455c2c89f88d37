"""Leaders: what the load works out and what the migration fills in, against plain Python."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.database import downgrade, open_engine, ready
from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.settings import Settings
from app.warehouse import load
from app.warehouse.publish import prunable, prune
from tests.support.leaders import LEADERS, RANKED, leaders, ranking
from tests.support.movies import KEYS, Row
from tests.support.published import warehouse
from tests.support.small import write
from tests.support.world import World

TABLES = [
    *((f"leader_{mart}", mart) for mart in KEYS if mart != "year"),
    *((f"ranking_{mart}", mart) for mart in KEYS if mart in RANKED),
]


def record(number: int) -> tuple[str, ...]:
    """Return a movie of one of three years: many companies, many ties, means that are null."""
    popularity = "" if number % 5 == 0 else str(number % 11)
    company = f"[{{'id': {1_000 - number}, 'name': 'C{number}'}}, {{'id': 7, 'name': 'Seven'}}]"
    genre = f"[{{'id': {number % 9}, 'name': 'G'}}]"
    date = f"{1990 + number % 3}-01-01"
    return (str(number), "A", date, str(number % 7), str(number * number % 13), popularity, genre, company)


def rows(home: Path, table: str) -> list[Row]:
    with warehouse(home) as connection:
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table} WHERE run = 1")]  # noqa: S608 - our names


def expected(table: str, mart: str, of_mart: Sequence[Row]) -> list[Row]:
    found = ranking(of_mart, RANKED[mart]) if table.startswith("ranking") else leaders(of_mart, KEYS[mart])
    return [{"run": 1, **row} for row in found]


@pytest.fixture(params=[250_000, 50], ids=["read at once", "read in parts"])
def loaded(home: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(load, "_ROWS_READ", request.param)
    delivery = write(home.parent / "movies.csv", [record(number) for number in range(1, 400)])
    run_delivery(Settings(home=home, _env_file=None), str(delivery), RunOptions())
    return home


def test_the_load_works_out_the_leaders(loaded: Path) -> None:
    assert len(rows(loaded, "mart_company_year")) > 3 * LEADERS
    for table, mart in TABLES:
        found = rows(loaded, table)
        assert sorted(found, key=_place) == expected(table, mart, rows(loaded, f"mart_{mart}")), table


def _place(row: Row) -> tuple[int, int]:
    return (row.get("year", 0), row["position"])


def test_the_migration_fills_in_what_the_load_would(loaded: Path) -> None:
    url = Settings(home=loaded, _env_file=None).warehouse
    before = {table: rows(loaded, table) for table, _ in TABLES}
    downgrade(open_engine(url), "warehouse", "warehouse_0001")
    ready(open_engine(url), "warehouse")
    assert {table: rows(loaded, table) for table, _ in TABLES} == before


def test_an_empty_warehouse_is_migrated_too(engine: Engine) -> None:
    downgrade(engine, "warehouse", "warehouse_0001")
    World(ready(engine, "warehouse")).add("a", ())


def test_a_pruned_run_leaves_no_row(engine: Engine, world: World) -> None:
    with engine.connect() as connection:
        [oldest] = prunable(connection, 3)
    assert prune(engine, oldest)
    with closing(sqlite3.connect(str(engine.url.database))) as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        of_runs = [name for name in names if name.startswith(("mart_", "dim_", "leader_", "ranking_"))]
        kept = {
            name: {run for (run,) in connection.execute(f"SELECT DISTINCT run FROM {name}")}  # noqa: S608 - our names
            for name in of_runs
        }
    assert set(of_runs) > {table for table, _ in TABLES}
    assert kept == {name: {2, 3, 4} for name in of_runs}
    assert world.runs.keys() == set("abcd")
