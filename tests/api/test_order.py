"""Fields, order and pages: any order walks the whole listing, whatever the page size."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import SECOND
from tests.support.http import Api
from tests.support.movies import KEYS, MEASURES, Row
from tests.support.world import World

PATHS = {
    "/v1/aggregates/genres": "genre_year",
    "/v1/aggregates/production-companies": "company_year",
    "/v1/aggregates/production-company-genres": "company_genre_year",
}
TEXT_AND_NULLS = ("genre", "genre_slug", "company", "avg_popularity", "revenue", "releases", "year")


def ordered(rows: Sequence[Row], sort: Sequence[str], key: Sequence[str]) -> list[Row]:
    """Sort in plain Python: by each field in turn from the last, nulls last both ways, ties by key."""
    result = sorted(rows, key=lambda row: [row[name] for name in key])
    for word in reversed(sort):
        name = word.removeprefix("-")
        known = [row for row in result if row[name] is not None]
        known.sort(key=lambda row: row[name], reverse=word.startswith("-"))
        result = known + [row for row in result if row[name] is None]
    return result


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, list[str], int]:
    """A listing, an order over any of its fields, and a page size."""
    path = draw(st.sampled_from(sorted(PATHS)))
    fields = [*KEYS[PATHS[path]], *MEASURES, "genre", "genre_slug", "company"]
    known = [name for name in fields if not _foreign(name, PATHS[path])]
    liked = [name for name in TEXT_AND_NULLS if name in known]
    names = draw(
        st.lists(st.sampled_from(liked) | st.sampled_from(known), min_size=1, max_size=4, unique=True)
    )
    signs = draw(st.lists(st.sampled_from(["", "-"]), min_size=len(names), max_size=len(names)))
    return path, [sign + name for sign, name in zip(signs, names, strict=True)], draw(st.integers(1, 9))


def _foreign(name: str, mart: str) -> bool:
    return (name.startswith("genre") and "genre" not in mart) or (
        name.startswith("company") and "company" not in mart
    )


@given(questions())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_in_any_order_make_up_the_listing(
    api: Api, world: World, question: tuple[str, list[str], int]
) -> None:
    path, sort, limit = question
    pages = api.walk(path, sort=",".join(sort), limit=limit)
    expected = ordered(world.rows(PATHS[path]), sort, KEYS[PATHS[path]])
    assert [row for page in pages for row in page] == expected
    assert all(len(page) == limit for page in pages[:-1])
    assert 0 < len(pages[-1]) <= limit


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/v1/aggregates/years", {}),
        ("/v1/aggregates/years", {"sort": "-year"}),
        ("/v1/aggregates/genres", {"sort": "-year,-genre_id"}),
        ("/v1/aggregates/genres", {"rollup": "years", "sort": "-avg_popularity,genre"}),
        (
            "/v1/aggregates/production-companies",
            {"rollup": "years", "sort": "avg_popularity", "year_to": 1997},
        ),
        ("/v1/aggregates/production-companies", {"sort": "-company", "company": "Twin"}),
        ("/v1/rankings/production-companies", {"top": 3, "metric": "releases", "sort": "rank,-company"}),
        ("/v1/rankings/genres", {"top": 100, "metric": "budget"}),
        ("/v1/dimensions/production-companies", {"sort": "-releases,-name"}),
        ("/v1/dimensions/genres", {"sort": "last_year,slug"}),
        ("/v1/runs", {"sort": "as_of,-published_at"}),
        ("/v1/runs", {}),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_make_up_the_listing(api: Api, path: str, parameters: dict[str, Any], limit: int) -> None:
    whole = api.rows(path, limit=1000, **parameters)
    assert [row for page in api.walk(path, limit=limit, **parameters) for row in page] == whole


def test_fields_come_in_the_order_asked(api: Api, world: World) -> None:
    found = api.rows("/v1/aggregates/genres", fields="revenue,genre,year")
    assert [list(row) for row in found] == [["revenue", "genre", "year"]] * len(found)
    assert found == [
        {name: row[name] for name in ("revenue", "genre", "year")} for row in world.rows("genre_year")
    ]


def test_the_order_may_use_fields_that_are_not_shown(api: Api, world: World) -> None:
    found = [
        row
        for page in api.walk("/v1/aggregates/genres", fields="year", sort="-genre", limit=3)
        for row in page
    ]
    rows = ordered(world.rows("genre_year"), ["-genre"], KEYS["genre_year"])
    assert found == [{"year": row["year"]} for row in rows]


def test_a_cut_page_says_so(api: Api) -> None:
    answer = api.get("/v1/aggregates/genres?sort=genre&limit=2")
    document = answer.json()
    assert document["meta"]["count"] == len(document["data"]) == 2
    following = document["links"]["next"]
    assert following == f"/v1/aggregates/genres?sort=genre&limit=2&cursor={document['meta']['next_cursor']}"
    assert answer.headers["link"] == f'<{following}>; rel="next"'


def test_the_last_page_says_so(api: Api) -> None:
    answer = api.get("/v1/aggregates/years", limit=1000)
    assert answer.json()["meta"]["next_cursor"] is None
    assert answer.json()["links"]["next"] is None
    assert "link" not in answer.headers


def test_a_full_last_page_has_no_next(api: Api, world: World) -> None:
    years = len(world.rows("year"))
    assert api.get("/v1/aggregates/years", limit=years).json()["meta"]["next_cursor"] is None
    assert api.get("/v1/aggregates/years", limit=years - 1).json()["meta"]["next_cursor"] is not None


def test_a_hundred_rows_unless_asked_otherwise(api: Api, world: World) -> None:
    assert len(world.rows("company_genre_year")) < 100
    assert api.get("/v1/aggregates/years").json() | {"links": 0} == api.get(
        "/v1/aggregates/years", limit=100
    ).json() | {"links": 0}


def test_a_pinned_listing_pages_within_its_run(api: Api, world: World) -> None:
    pages = api.walk("/v1/aggregates/genres", run=SECOND, limit=4, sort="-year")
    assert [row for page in pages for row in page] == ordered(
        world.rows("genre_year", SECOND), ["-year"], KEYS["genre_year"]
    )
