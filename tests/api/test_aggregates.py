"""Aggregates: every mart, every filter, sums over the years."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.http import Api
from tests.support.movies import COMPANIES, MOVIES, Movie, Row, measures, shown
from tests.support.world import World

PATHS = {
    "year": "years",
    "genre_year": "genres",
    "company_year": "production-companies",
    "company_genre_year": "production-company-genres",
}


@pytest.mark.parametrize("mart", PATHS)
def test_a_mart_is_listed_whole_by_key(api: Api, world: World, mart: str) -> None:
    found = api.rows(f"/v1/aggregates/{PATHS[mart]}", limit=1000)
    assert found == world.rows(mart)
    assert list(found[0]) == list(world.rows(mart)[0])


def test_the_envelope_says_what_the_rows_are(api: Api) -> None:
    answer = api.get("/v1/aggregates/production-company-genres", limit=2, fields="year").json()
    assert answer["meta"] | {"published_at": None, "next_cursor": None} == {
        "run_id": "20250101T000000Z-first",
        "as_of": "1998-12-31",
        "published_at": None,
        "mart": "company_genre_year",
        "additive": {"production_company": False, "genre": False, "year": True},
        "count": 2,
        "next_cursor": None,
    }
    assert answer["meta"]["published_at"].endswith("Z")
    assert answer["links"]["self"] == "/v1/aggregates/production-company-genres?limit=2&fields=year"


Wanted = Callable[[Row], bool]
YEARS: list[tuple[str, Wanted]] = [
    ("year=1995", lambda row: row["year"] == 1995),
    ("year=1995&year=1998&year=1066", lambda row: row["year"] in {1995, 1998}),
    ("year_from=1996&year_to=1997", lambda row: 1996 <= row["year"] <= 1997),
    ("year_from=1998", lambda row: row["year"] >= 1998),
    ("year_to=1995", lambda row: row["year"] <= 1995),
    ("year=1995&year_from=1996", lambda _row: False),
    ("year_from=1999&year_to=1990", lambda _row: False),
]
GENRE: list[tuple[str, Wanted]] = [
    ("genre=18", lambda row: row["genre_id"] == 18),
    ("genre=5", lambda row: row["genre_id"] == 5),
    ("genre=drama", lambda row: row["genre_id"] == 18),
    ("genre=drama-7", lambda row: row["genre_id"] == 7),
    ("genre=Drama", lambda row: row["genre_id"] == 18),
    ("genre=Science%20Fiction&genre=ete", lambda row: row["genre_id"] in {878, 99}),
    ("genre=science-fiction&year=1995", lambda row: row["genre_id"] == 878 and row["year"] == 1995),
    ("genre=%C3%89t%C3%A9", lambda row: row["genre_id"] == 99),
    ("genre=western", lambda _row: False),
    ("genre=DRAMA", lambda _row: False),
    ("genre=99999999999999999999999999", lambda _row: False),
    ("genre=western&genre=35", lambda row: row["genre_id"] == 35),
]
COMPANY: list[tuple[str, Wanted]] = [
    ("company_id=1", lambda row: row["company_id"] == 1),
    ("company_id=1&company_id=9000000000000001", lambda row: row["company_id"] in {1, 9_000_000_000_000_001}),
    ("company=Twin", lambda row: row["company"] == "Twin"),
    ("company=Twin&company_id=6", lambda row: row["company_id"] == 6),
    ("company=Twin&company=apple", lambda row: row["company"] in {"Twin", "apple"}),
    ("company=twin", lambda _row: False),
    ("company=50%25+%2B+a_b", lambda row: row["company_id"] == 13),
    ("company=Quote+%22%26%2C+%3DHYPERLINK()", lambda row: row["company_id"] == 12),
    ("company=%F0%9D%94%B8stral", lambda row: row["company_id"] == 4),
    ("company_id=1&company=apple", lambda _row: False),
    ("company_id=999999999999999999", lambda _row: False),
]
BOTH: list[tuple[str, Wanted]] = [
    (
        "genre=18&company_id=1&year=1998",
        lambda row: (row["genre_id"], row["company_id"], row["year"]) == (18, 1, 1998),
    ),
    ("genre=18&genre=35&company=apple", lambda row: row["genre_id"] in {18, 35} and row["company_id"] == 2),
]
CASES = [
    *(("year", *case) for case in YEARS),
    *(("genre_year", *case) for case in (*YEARS, *GENRE)),
    *(("company_year", *case) for case in (*YEARS, *COMPANY)),
    *(("company_genre_year", *case) for case in (*YEARS, *GENRE, *COMPANY, *BOTH)),
]


@pytest.mark.parametrize(
    ("mart", "query", "wanted"), CASES, ids=[f"{mart}-{query}" for mart, query, _ in CASES]
)
def test_filters_select(api: Api, world: World, mart: str, query: str, wanted: Wanted) -> None:
    found = api.rows(f"/v1/aggregates/{PATHS[mart]}?limit=1000&{query}")
    assert found == [row for row in world.rows(mart) if wanted(row)]


ROLLED: dict[str, tuple[str, Callable[[Movie], list[dict[str, int]]]]] = {
    "genres": ("genre_id", lambda movie: [{"genre_id": genre} for genre in movie.genres]),
    "production-companies": ("company_id", lambda movie: [{"company_id": item} for item in movie.companies]),
    "production-company-genres": (
        "company_id",
        lambda movie: [
            {"company_id": company, "genre_id": genre}
            for company in movie.companies
            for genre in movie.genres
        ],
    ),
}


@pytest.mark.parametrize("years", [None, range(1995, 1997), range(1997, 1999), range(1800, 1801)])
@pytest.mark.parametrize("path", ROLLED)
def test_rollup_sums_over_the_years(api: Api, path: str, years: range | None) -> None:
    keys = ROLLED[path][1]
    groups: dict[tuple[Any, ...], list[Movie]] = {}
    for movie in MOVIES:
        for key in keys(movie) if years is None or movie.year in years else ():
            groups.setdefault(tuple(key.items()), []).append(movie)
    expected = [shown(dict(key) | measures(groups[key])) for key in sorted(groups)]
    chosen = {"year_from": years[0], "year_to": years[-1]} if years else {}
    assert api.rows(f"/v1/aggregates/{path}", rollup="years", limit=1000, **chosen) == expected


def test_rollup_takes_filters_and_order(api: Api) -> None:
    found = api.rows(
        "/v1/aggregates/production-companies",
        rollup="years",
        sort="-releases,company",
        fields="company,releases",
        company="apple",
    )
    assert found == [{"company": "apple", "releases": sum(2 in movie.companies for movie in MOVIES)}]


def test_rollup_says_that_years_are_gone(api: Api) -> None:
    assert api.get("/v1/aggregates/genres", rollup="years").json()["meta"]["additive"] == {"genre": False}
    answer = api.get("/v1/aggregates/genres", rollup="years", sort="year")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == "sort"


@pytest.mark.parametrize("path", ["/v1/aggregates/years", "/v1/rankings/genres", "/v1/dimensions/genres"])
def test_rollup_is_unknown_elsewhere(api: Api, path: str) -> None:
    assert api.get(path, rollup="years").status_code == 400


def test_names_come_as_they_are(api: Api) -> None:
    found = api.rows("/v1/aggregates/production-companies", rollup="years", fields="company_id,company")
    assert {row["company_id"]: row["company"] for row in found} == COMPANIES
