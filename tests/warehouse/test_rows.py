"""The rows of a run in a warehouse: all of them or none, to the last digit, in the order of their keys."""

import polars as pl
import pytest

from app.database import transaction
from app.errors import StoreFailure
from app.marts.tables import RUN_TABLES, landed_columns
from app.warehouse.base import LandedRun, Warehouse
from tests.support.landed import COLUMNS, landed
from tests.support.movies import LATER, MOVIES, Row, stored
from tests.support.warehouses import loaded_runs, rows
from tests.support.world import World

WILD = {
    1: "two\nlines\r\nand one",
    2: "\\.",
    3: "a\\N b\\t c",
    4: "\"quoted\", and 'so'",
    5: "\N{PILE OF POO}\N{RIGHT-TO-LEFT OVERRIDE}",
    6: "NULL",
}


def expected(name: str) -> list[Row]:
    return [{column: row[column] for column in COLUMNS[name]} for row in stored(name, MOVIES)]


def load(opened: Warehouse, run: int, files: LandedRun) -> None:
    opened.stage(files)
    with transaction(opened.engine) as connection:
        opened.load(connection, run, files)


def read(opened: Warehouse, name: str, run: int) -> pl.DataFrame:
    with opened.engine.connect() as connection:
        return pl.concat(opened.read(connection, RUN_TABLES[name], run))


@pytest.mark.parametrize("name", RUN_TABLES)
def test_they_arrive_to_the_last_digit(empty: World, name: str) -> None:
    empty.add("a", MOVIES)
    empty.add("b", LATER)
    with empty.engine.connect() as connection:
        assert rows(connection, name, 1) == expected(name)
    found = read(empty.warehouse, name, 1)
    assert found.columns == [column.name for column in landed_columns(RUN_TABLES[name])]
    assert found.rows(named=True) == [{"run": 1, **row} for row in expected(name)]


@pytest.fixture
def named(empty: World) -> World:
    """The catalogue knows a run, whose rows are to come."""
    empty.add("a", ())
    with transaction(empty.engine) as connection:
        empty.warehouse.delete(connection, 1)
    return empty


def test_names_are_kept_as_they_are(named: World) -> None:
    with landed("a", MOVIES, companies=WILD) as files:
        load(named.warehouse, 1, files)
    found = read(named.warehouse, "production_company", 1)
    assert {id_: name for id_, name in found.select("id", "name").iter_rows() if id_ in WILD} == WILD


@pytest.mark.parametrize("name", ["company_genre_year", "genre"])
def test_a_row_that_is_missing_fails_the_load(named: World, name: str) -> None:
    counted = len(expected(name))
    with (
        landed("a", MOVIES, missing={name: 1}) as files,
        pytest.raises(StoreFailure, match=f"run a: .*{name} {counted - 1} of {counted} rows"),
    ):
        load(named.warehouse, 1, files)
    with named.engine.connect() as connection:
        assert loaded_runs(connection) == set()


def load_and_give_up(opened: Warehouse, files: LandedRun) -> None:
    opened.stage(files)
    with transaction(opened.engine) as connection:
        opened.load(connection, 1, files)
        raise KeyboardInterrupt


def test_a_load_that_is_given_up_leaves_nothing(named: World) -> None:
    with landed("a", MOVIES) as files:
        with pytest.raises(KeyboardInterrupt):
            load_and_give_up(named.warehouse, files)
        with named.engine.connect() as connection:
            assert loaded_runs(connection) == set()
        load(named.warehouse, 1, files)
    with named.engine.connect() as connection:
        assert rows(connection, "company_year", 1) == expected("company_year")


def test_deleting_a_run_leaves_the_others(world: World) -> None:
    with transaction(world.engine) as connection:
        world.warehouse.delete(connection, 2)
    with world.engine.connect() as connection:
        assert loaded_runs(connection) == {1, 3, 4}
        assert rows(connection, "company_year", 1) == expected("company_year")
