"""What changed between two runs, against a comparison in plain Python."""

from typing import Any

import pytest

from app.warehouse import runs
from app.warehouse.changes import Place, changes
from tests.support.movies import KEYS, LATER, MEASURES, MOVIES, Row, mart, shown
from tests.support.world import World


def compared(name: str) -> list[dict[str, Any]]:
    """Return the rows of a mart that are not the same in both, by key."""
    old, new = (
        {tuple(row[key] for key in KEYS[name]): measures(row) for row in mart(name, movies)}
        for movies in (MOVIES, LATER)
    )
    return [
        {
            "mart": name,
            "key": dict(zip(KEYS[name], key, strict=True)),
            "before": old.get(key),
            "after": new.get(key),
        }
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def measures(row: Row) -> Row:
    return {name: value for name, value in shown(row).items() if name in MEASURES}


@pytest.fixture
def pair(empty: World) -> tuple[World, runs.Run, runs.Run]:
    """Two runs, the movies of the second corrected."""
    empty.add("a", MOVIES)
    empty.add("b", LATER)
    with empty.engine.connect() as connection:
        return empty, runs.find(connection, "a"), runs.find(connection, "b")


def test_rows_added_removed_and_changed(pair: tuple[World, runs.Run, runs.Run]) -> None:
    world, old, new = pair
    expected = [row for name in KEYS for row in compared(name)]
    kinds = {(row["before"] is None, row["after"] is None) for row in expected}
    assert kinds == {(False, False), (True, False), (False, True)}
    with world.engine.connect() as connection:
        assert changes(connection, old, new) == expected
        assert changes(connection, old, old) == []


def test_pages_go_on_where_the_last_one_ended(pair: tuple[World, runs.Run, runs.Run]) -> None:
    world, old, new = pair
    expected = compared("company_genre_year")
    last = Place("company_genre_year", tuple(expected[1]["key"].values()))
    with world.engine.connect() as connection:
        page = changes(connection, old, new, "company_genre_year", after=last, limit=2)
    assert page == expected[2:4]
