"""Leaders: what the load works out and what the migration fills in, against plain Python."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.database import downgrade, open_engine, ready
from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.settings import Settings
from app.warehouse import leaders as leading
from app.warehouse.publish import prunable, prune
from tests.support.leaders import LEADERS, RANKED, every, leaders, ranking, slices, text
from tests.support.movies import KEYS, Row
from tests.support.published import warehouse
from tests.support.small import write
from tests.support.world import World

MARTS = [mart for mart in KEYS if mart in RANKED]
#: Few enough for a delivery made by hand.
SMALL, NARROW = 17, 52


@pytest.fixture
def implementation() -> str:
    """SQLite files alone."""
    return "sqlite"


def record(number: int) -> tuple[str, ...]:
    """Return a movie of one of three years: many companies, many ties, means that are null."""
    popularity = "" if number % 5 == 0 else str(number % 11)
    company = f"[{{'id': {1_000 - number}, 'name': 'C{number}'}}, {{'id': 7, 'name': 'Seven'}}]"
    genre = f"[{{'id': {number % 8}, 'name': 'G'}}]"
    date = f"{1990 + number % 3}-01-01"
    return (str(number), "A", date, str(number % 7), str(number * number % 13), popularity, genre, company)


def rows(home: Path, table: str) -> list[Row]:
    with warehouse(home) as connection:
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table} WHERE run = 1")]  # noqa: S608 - our names


def lists(home: Path, mart: str) -> dict[tuple[str, str], str]:
    with warehouse(home) as connection:
        found = connection.execute("SELECT slice, sort, keys FROM leader WHERE run = 1 AND mart = ?", [mart])
        return {(row["slice"], row["sort"]): row["keys"] for row in found}


@pytest.fixture
def loaded(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(leading, "SMALL", SMALL)
    monkeypatch.setattr(leading, "NARROW", NARROW)
    delivery = write(home.parent / "movies.csv", [record(number) for number in range(1, 400)])
    run_delivery(Settings(home=home, _env_file=None), str(delivery), RunOptions())
    return home


def test_large_slices_have_leaders(loaded: Path) -> None:
    assert len(rows(loaded, "mart_company_year")) > 3 * LEADERS
    for mart, key in KEYS.items():
        wanted = {
            (text(fixed), sort): text(keys)
            for fixed, members in slices(rows(loaded, f"mart_{mart}"), key)
            if len(members) > SMALL
            for sort, keys in leaders(members, key, fixed).items()
        }
        found = {place: keys for place, keys in lists(loaded, mart).items() if place[1]}
        assert found == wanted, mart
    assert len(wanted) > 20


def test_small_slices_among_many_rows_have_all_theirs(loaded: Path) -> None:
    mart, key = "company_genre_year", KEYS["company_genre_year"]
    of_mart = rows(loaded, f"mart_{mart}")
    counts = {text(fixed): len(members) for fixed, members in slices(of_mart, key)}
    wanted = {
        (text(fixed), ""): text(every(members, key, fixed)[""])
        for fixed, members in slices(of_mart, key)
        if None not in fixed
        and len(members) <= SMALL
        and min(counts[text([fixed[0], None])], counts[text([None, fixed[1]])]) > NARROW
    }
    assert {place: keys for place, keys in lists(loaded, mart).items() if not place[1]} == wanted
    assert 0 < len(wanted) < len(counts)


def by_year(home: Path, mart: str) -> list[Row]:
    return sorted(rows(home, f"ranking_{mart}"), key=lambda row: (row["year"], row["position"]))


def rankings(home: Path, mart: str) -> list[Row]:
    return [{"run": 1, **row} for row in ranking(rows(home, f"mart_{mart}"), RANKED[mart])]


@pytest.mark.parametrize("mart", MARTS)
def test_the_load_works_out_the_rankings(loaded: Path, mart: str) -> None:
    assert by_year(loaded, mart) == rankings(loaded, mart)


@pytest.mark.parametrize("mart", MARTS)
def test_the_migration_works_out_rankings_of_loaded_runs(loaded: Path, mart: str) -> None:
    url = Settings(home=loaded, _env_file=None).warehouse
    downgrade(open_engine(url), "warehouse", "warehouse_0001")
    ready(open_engine(url), "warehouse")
    assert by_year(loaded, mart) == rankings(loaded, mart)


def searched(home: Path) -> list[tuple[int, ...]]:
    with warehouse(home) as connection:
        found = connection.execute(
            "SELECT id, run FROM search_production_company WHERE search_key MATCH '\"c39\"'"
        )
        return [tuple(row) for row in found]


def test_load_and_migration_make_names_searchable(loaded: Path) -> None:
    wanted = sorted((1_000 - number, 1) for number in (39, *range(390, 400)))
    assert searched(loaded) == wanted
    url = Settings(home=loaded, _env_file=None).warehouse
    downgrade(open_engine(url), "warehouse", "warehouse_0002")
    ready(open_engine(url), "warehouse")
    assert searched(loaded) == wanted


def test_an_empty_warehouse_is_migrated_too(engine: Engine) -> None:
    downgrade(engine, "warehouse", "warehouse_0001")
    World(ready(engine, "warehouse")).add("a", ())


def test_a_pruned_run_leaves_no_row(engine: Engine, world: World) -> None:
    with engine.connect() as connection:
        [oldest] = prunable(connection, 3)
    assert prune(world.warehouse, oldest)
    with closing(sqlite3.connect(str(engine.url.database))) as connection:
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM pragma_table_list WHERE type <> 'shadow'")
        ]
        of_runs = [
            name for name in names if name.startswith(("mart_", "dim_", "leader", "ranking_", "search_"))
        ]
        kept = {
            name: {run for (run,) in connection.execute(f"SELECT DISTINCT run FROM {name}")}  # noqa: S608 - our names
            for name in of_runs
        }
    assert set(of_runs) > {"leader", "search_genre", *(f"ranking_{mart}" for mart in MARTS)}
    assert kept == {name: {2, 3, 4} for name in of_runs}
    assert world.runs.keys() == set("abcd")
