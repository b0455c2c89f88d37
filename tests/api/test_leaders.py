"""First pages sorted by a measure come from few rows; longer ones from all. Both must be the same rows."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.database import open_engine
from app.main import close
from app.marts.tables import RANKING_TABLES
from app.serving import statement
from app.serving.listings import LISTINGS
from app.serving.query import parse
from app.settings import Settings
from tests.api.conftest import application
from tests.api.test_order import ordered
from tests.support.http import Api, authorized
from tests.support.leaders import LEADERS
from tests.support.movies import COMPANIES, GENRES, KEYS, SEARCH_KEYS, Movie, Row
from tests.support.world import World

YEARS = (1990, 1991, 1992)
PATHS = {
    "genres": "genre_year",
    "production-companies": "company_year",
    "production-company-genres": "company_genre_year",
}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, World]]:
    """More companies in each year than there are leaders; values tie, go below zero or are unknown."""
    home = tmp_path_factory.mktemp("many")
    movies = [
        Movie(
            YEARS[number % 3],
            tuple(GENRES)[number % 6 : number % 6 + 2],
            (10_000 - number, 1),
            number % 7,
            number * number % 11,
            None if number % 5 == 0 else number % 13,
        )
        for number in range(1, 390)
    ]
    with pytest.MonkeyPatch.context() as patch:
        for number in range(1, 390):
            patch.setitem(COMPANIES, 10_000 - number, f"Company {number}")
            patch.setitem(SEARCH_KEYS, f"Company {number}", f"company {number}")
        app = application(home)
        world = World(open_engine(Settings(home=home, _env_file=None).warehouse))
        world.add("run", movies)
        world.publish("run")
        api = authorized(app)
        yield api, world
        api.runner.close()
        close(app)


def expected(world: World, path: str, sort: str, **years: Any) -> list[Row]:
    chosen = years.get("year", [*YEARS])
    low, high = years.get("year_from", 0), years.get("year_to", 9999)
    rows = [row for row in world.rows(PATHS[path]) if row["year"] in chosen and low <= row["year"] <= high]
    return ordered(rows, sort.split(","), KEYS[PATHS[path]])


@pytest.mark.parametrize("years", [{}, {"year": [1991]}, {"year": [1990, 1992]}, {"year_from": 1991}])
@pytest.mark.parametrize(
    "sort",
    [
        "-revenue",
        "-avg_popularity",
        "-profit",
        "-releases",
        "-budget_known,year",
        "-budget,-year",
        "year,-popularity",
        "-year,-profit_known",
        "-revenue,-budget",
        "-avg_popularity,company_id",
        "revenue",
        "avg_popularity",
        "profit,-year",
    ],
)
@pytest.mark.parametrize("limit", [1, 7, LEADERS - 1, LEADERS, 1000])
def test_the_same_rows_whatever_the_limit(
    many: tuple[Api, World], sort: str, years: dict[str, Any], limit: int
) -> None:
    api, world = many
    answer = api.get("/v1/aggregates/production-companies", sort=sort, limit=limit, **years).json()
    rows = expected(world, "production-companies", sort, **years)
    assert answer["data"] == rows[:limit]
    assert (answer["meta"]["next_cursor"] is None) == (len(rows) <= limit)


@pytest.mark.parametrize("path", ["genres", "production-company-genres"])
@pytest.mark.parametrize(
    "sort", ["-revenue", "avg_popularity", "-revenue,year", "profit", "-genre_id,-budget"]
)
@pytest.mark.parametrize("year", [{}, {"year": [1991]}])
@pytest.mark.parametrize("genre", [{}, {"genre": [878]}, {"genre": [99]}, {"genre": [18, 35]}])
def test_slices_of_other_marts(
    many: tuple[Api, World], path: str, sort: str, year: dict[str, Any], genre: dict[str, Any]
) -> None:
    api, world = many
    for limit in (5, LEADERS - 1):
        found = api.rows(f"/v1/aggregates/{path}", sort=sort, limit=limit, **year, **genre)
        rows = expected(world, path, sort, **year)
        assert found == [row for row in rows if row["genre_id"] in genre.get("genre", GENRES)][:limit]


def test_pages_go_on_where_the_leaders_end(many: tuple[Api, World]) -> None:
    api, world = many
    pages = api.walk("/v1/aggregates/production-companies", sort="-avg_popularity", limit=50)
    found = [row for page in pages for row in page]
    assert found == expected(world, "production-companies", "-avg_popularity")


def test_another_filter_looks_at_all_rows(many: tuple[Api, World]) -> None:
    api, world = many
    last = expected(world, "production-companies", "-revenue")[-1]
    found = api.rows("/v1/aggregates/production-companies", sort="-revenue", company=last["company"], limit=1)
    assert found == [last]


@pytest.mark.parametrize("metric", ["revenue", "avg_popularity"])
def test_the_longest_ranking(many: tuple[Api, World], metric: str) -> None:
    api, world = many
    rows = expected(world, "production-companies", f"year,-{metric}")
    known = [row for row in rows if row[metric] is not None]
    top = [row for year in YEARS for row in [row for row in known if row["year"] == year][:100]]
    found = api.rows("/v1/rankings/production-companies", metric=metric, top=100, limit=1000)
    assert [(row["year"], row["company_id"]) for row in found] == [
        (row["year"], row["company_id"]) for row in top
    ]


@pytest.mark.parametrize("query", [b"sort=company", b"top=100&sort=-company,rank&limit=all"])
def test_a_ranking_by_name_begins_with_its_own_few_rows(many: tuple[Api, World], query: bytes) -> None:
    (listing,) = (item for item in LISTINGS if item.path == "/v1/rankings/production-companies")
    shape, values = statement.prepare(parse(listing, query), 1, None, lambda *_: [], 1_000)
    rows = statement.of_shape(shape)
    explain = f"EXPLAIN QUERY PLAN {rows.sql}"
    with many[1].engine.connect() as connection:
        plan = [step[-1] for step in connection.exec_driver_sql(explain, {**rows.constants, **values})]
    loops = [step for step in plan if step.startswith(("SEARCH", "SCAN"))]
    assert RANKING_TABLES["company_year"].name in loops[0]
