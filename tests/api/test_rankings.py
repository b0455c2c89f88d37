"""Rankings: the top of each year by any measure."""

from itertools import groupby

import pytest

from tests.support.http import Api
from tests.support.movies import MEASURES, Row
from tests.support.world import World

MARTS = {"genres": ("genre_year", "genre_id"), "production-companies": ("company_year", "company_id")}
BIG = {"limit": 1000}


def expected(world: World, path: str, metric: str, top: int) -> list[Row]:
    """Rank in plain Python: per year by value then id, a rank is one more than the rows that are greater."""
    name, key = MARTS[path]
    rows = [row for row in world.rows(name) if row[metric] is not None]
    rows.sort(key=lambda row: (row["year"], -row[metric], row[key]))
    ranked = []
    for year, group in groupby(rows, key=lambda row: row["year"]):
        members = list(group)
        for row in members[:top]:
            rank = 1 + sum(other[metric] > row[metric] for other in members)
            ranked.append({"year": year, "rank": rank, **{name: row[name] for name in row if name != "year"}})
    return ranked


@pytest.mark.parametrize("metric", MEASURES)
@pytest.mark.parametrize("top", [1, 2, 3, 100])
@pytest.mark.parametrize("path", MARTS)
def test_top_by_metric(api: Api, world: World, path: str, metric: str, top: int) -> None:
    found = api.rows(f"/v1/rankings/{path}", metric=metric, top=top, **BIG)
    assert found == expected(world, path, metric, top)


@pytest.mark.parametrize("path", MARTS)
def test_by_default_each_years_most_popular(api: Api, world: World, path: str) -> None:
    assert api.rows(f"/v1/rankings/{path}") == expected(world, path, "popularity", 1)


def test_ties_share_a_rank_and_the_next_is_skipped(api: Api) -> None:
    found = api.rows("/v1/rankings/genres", metric="releases", top=100, year=1996, fields="rank,genre_id")
    assert found == [{"rank": 1, "genre_id": genre} for genre in (5, 7, 18, 35, 99)]
    found = api.rows("/v1/rankings/genres", metric="revenue", top=4, year=1995, fields="rank,genre_id")
    assert found == [
        {"rank": 1, "genre_id": 878},
        {"rank": 2, "genre_id": 18},
        {"rank": 2, "genre_id": 35},
    ]


def test_years_choose_before_ranking(api: Api, world: World) -> None:
    found = api.rows("/v1/rankings/genres", year_from=1996, year_to=1997, top=2, metric="revenue")
    assert found == [row for row in expected(world, "genres", "revenue", 2) if row["year"] in {1996, 1997}]


@pytest.mark.parametrize("sort", ["-year", "-year,-rank,-genre_id", "year,-rank", "year,rank,-genre_id"])
def test_the_key_in_another_direction(api: Api, world: World, sort: str) -> None:
    rows = expected(world, "genres", "releases", 3)
    for name in ("genre_id", "rank", "year"):
        rows.sort(key=lambda row: row[name], reverse=f"-{name}" in sort.split(","))
    assert api.rows("/v1/rankings/genres", top=3, sort=sort, metric="releases", **BIG) == rows


def test_another_order(api: Api, world: World) -> None:
    found = api.rows("/v1/rankings/genres", top=3, sort="-year,genre", metric="budget", **BIG)
    rows = sorted(expected(world, "genres", "budget", 3), key=lambda row: row["genre"])
    assert found == sorted(rows, key=lambda row: -row["year"])


@pytest.mark.parametrize("query", ["top=0", "top=101", "metric=rank", "metric=", "genre=18", "rollup=years"])
def test_what_a_ranking_does_not_know(api: Api, query: str) -> None:
    assert api.get(f"/v1/rankings/genres?{query}").status_code == 400
