"""What changed between two runs, against a comparison in plain Python."""

from typing import Any

import pytest

from tests.api.conftest import FIRST, HELD, SECOND
from tests.support.http import Api
from tests.support.movies import KEYS, MEASURES, MOVIES, Row, mart, shown
from tests.support.world import World

PATH = f"/v1/runs/{SECOND}/changes"


def by_key(name: str, world: World, run: str) -> dict[tuple[int, ...], Row]:
    rows = mart(name, world.runs[run])
    numbers = ({measure: shown(row)[measure] for measure in MEASURES} for row in rows)
    return dict(zip((tuple(row[column] for column in KEYS[name]) for row in rows), numbers, strict=True))


def expected(world: World, since: str, run: str, only: str | None = None) -> list[dict[str, Any]]:
    found = []
    for name in KEYS:
        before, after = by_key(name, world, since), by_key(name, world, run)
        for key in sorted({*before, *after}):
            if before.get(key) != after.get(key) and only in {None, name}:
                named = dict(zip(KEYS[name], key, strict=True))
                found.append({"mart": name, "key": named, "before": before.get(key), "after": after.get(key)})
    return found


def test_added_removed_and_changed_rows_by_mart_and_key(api: Api, world: World) -> None:
    found = api.rows(PATH, since=FIRST, limit=1000)
    assert found == expected(world, FIRST, SECOND)
    kinds = {(row["before"] is None, row["after"] is None) for row in found}
    assert kinds == {(True, False), (False, True), (False, False)}


def test_the_other_way_round(api: Api, world: World) -> None:
    assert api.rows(f"/v1/runs/{FIRST}/changes", since=SECOND, limit=1000) == expected(world, SECOND, FIRST)


def test_against_a_held_run(api: Api, world: World) -> None:
    assert api.rows(f"/v1/runs/{HELD}/changes", since=FIRST, limit=1000) == expected(world, FIRST, HELD)


@pytest.mark.parametrize("name", KEYS)
def test_one_mart(api: Api, world: World, name: str) -> None:
    assert api.rows(PATH, since=FIRST, mart=name, limit=1000) == expected(world, FIRST, SECOND, name)


def test_nothing_changed_since_itself(api: Api) -> None:
    assert api.rows(PATH, since=SECOND) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
@pytest.mark.parametrize("only", [{}, {"mart": "company_genre_year"}])
def test_pages(api: Api, world: World, limit: int, only: dict[str, str]) -> None:
    pages = api.walk(PATH, since=FIRST, limit=limit, **only)
    assert [row for page in pages for row in page] == expected(world, FIRST, SECOND, only.get("mart"))
    assert all(len(page) == limit for page in pages[:-1])


def test_fields(api: Api) -> None:
    assert {tuple(row) for row in api.rows(PATH, since=FIRST, fields="key,mart")} == {("key", "mart")}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("", "since"),
        (f"since={FIRST}&since={FIRST}", "since"),
        ("since=", "since"),
        (f"since={FIRST}&mart=genre", "mart"),
        (f"since={FIRST}&sort=mart", "sort"),
        (f"since={FIRST}&run={FIRST}", "run"),
        (f"since={FIRST}&fields=genre", "fields"),
    ],
)
def test_bad_questions(api: Api, query: str, parameter: str) -> None:
    answer = api.get(f"{PATH}?{query}")
    assert answer.status_code == 400
    assert [error["parameter"] for error in answer.json()["errors"]] == [parameter]


def test_a_cursor_belongs_to_its_two_runs(api: Api) -> None:
    cursor = api.get(PATH, since=FIRST, limit=1).json()["meta"]["next_cursor"]
    assert api.get(PATH, since=FIRST, limit=1, cursor=cursor).status_code == 200
    assert api.get(PATH, since=HELD, limit=1, cursor=cursor).status_code == 400
    assert api.get(f"/v1/runs/{HELD}/changes", since=FIRST, limit=1, cursor=cursor).status_code == 400
    assert api.get(PATH, since=FIRST, limit=1, mart="year", cursor=cursor).status_code == 400


def test_since_an_unknown_run(api: Api) -> None:
    answer = api.get(PATH, since="nothing")
    assert answer.status_code == 404
    assert [error["parameter"] for error in answer.json()["errors"]] == ["since"]


def test_a_failed_run_has_no_marts(fresh: tuple[Api, World]) -> None:
    api, world = fresh
    world.add(FIRST, MOVIES, status="failed")
    world.add(SECOND, MOVIES)
    assert api.get(f"/v1/runs/{SECOND}/changes", since=FIRST).status_code == 404
    assert api.get(f"/v1/runs/{FIRST}/changes", since=SECOND).status_code == 404
