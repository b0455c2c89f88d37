"""What readers see while runs are published, superseded and pruned underneath."""

from typing import Any

import pytest
from sqlalchemy import insert

from app.database import transaction
from app.marts.tables import MART_TABLES
from tests.api.conftest import FIRST, HELD, SECOND
from tests.support.http import Api
from tests.support.movies import LATER, MOVIES, Row, measures
from tests.support.world import World

PATH = "/v1/aggregates/production-company-genres"
Fresh = tuple[Api, World]


def flat(pages: list[list[Row]]) -> list[Row]:
    return [row for page in pages for row in page]


@pytest.mark.parametrize("path", ["/v1/aggregates/years", "/v1/rankings/genres", "/v1/dimensions/genres"])
def test_nothing_published_is_503_with_a_hint(fresh: Fresh, path: str) -> None:
    answer = fresh[0].get(path)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["status"] == 503


def test_a_publish_is_seen_by_the_next_request(fresh: Fresh) -> None:
    api, world = fresh
    world.add(FIRST, MOVIES)
    assert api.get("/v1/aggregates/years").status_code == 503
    for run in (FIRST, FIRST):
        world.publish(run)
        assert api.rows("/v1/aggregates/years") == world.rows("year", FIRST)
    world.add(SECOND, LATER)
    assert api.get("/v1/aggregates/years").headers["run-id"] == FIRST
    world.publish(SECOND)
    answer = api.get("/v1/aggregates/years")
    assert answer.json()["data"] == world.rows("year", SECOND)
    assert answer.headers["run-id"] == answer.json()["meta"]["run_id"] == SECOND
    world.publish(FIRST)
    assert api.rows("/v1/aggregates/years") == world.rows("year", FIRST)


def test_pages_stay_with_their_run(fresh: Fresh) -> None:
    api, world = fresh
    world.add(FIRST, MOVIES)
    world.publish(FIRST)
    answer = api.get(PATH, limit=5, sort="-revenue,company")
    seen = [answer.json()["data"]]
    runs = [answer.headers["run-id"]]
    world.add(SECOND, LATER)
    world.publish(SECOND)
    while following := answer.json()["links"]["next"]:
        answer = api.get(following)
        seen.append(answer.json()["data"])
        runs.append(answer.headers["run-id"])
    assert set(runs) == {FIRST}
    assert flat(seen) == flat(api.walk(PATH, run=FIRST, limit=50, sort="-revenue,company"))
    assert len(flat(seen)) == len(world.rows("company_genre_year", FIRST))
    assert api.get(PATH, limit=5).headers["run-id"] == SECOND


def test_a_page_of_a_pruned_run_is_409(fresh: Fresh) -> None:
    api, world = fresh
    for run, movies in ((FIRST, MOVIES), (SECOND, LATER)):
        world.add(run, movies)
        world.publish(run)
    world.publish(FIRST)
    following = api.get(PATH, limit=5).json()["links"]["next"]
    world.publish(SECOND)
    world.prune(FIRST)
    answer = api.get(following)
    assert answer.status_code == 409
    assert [error["parameter"] for error in answer.json()["errors"]] == ["cursor"]
    pinned = api.get(PATH, run=FIRST)
    assert pinned.status_code == 409
    assert [error["parameter"] for error in pinned.json()["errors"]] == ["run"]
    assert api.get(PATH).status_code == 200


@pytest.mark.parametrize("run", ["nothing", HELD, "x" * 5000, "é", "' OR 1=1 --"])
def test_an_unknown_or_never_published_run_is_404(api: Api, run: str) -> None:
    answer = api.get("/v1/aggregates/years", run=run)
    assert answer.status_code == 404
    assert [error["parameter"] for error in answer.json()["errors"]] == ["run"]


@pytest.mark.parametrize("run", [FIRST, SECOND])
def test_run_pins(api: Api, world: World, run: str) -> None:
    answer = api.get("/v1/aggregates/genres", run=run)
    assert answer.json()["data"] == world.rows("genre_year", run)
    assert answer.headers["run-id"] == run
    assert api.rows("/v1/dimensions/genres", run=run, fields="releases")
    assert api.rows("/v1/rankings/genres", run=run, fields="year")[-1] == {"year": 2000}


def test_names_are_those_of_the_run(api: Api) -> None:
    first = api.rows(
        "/v1/dimensions/production-companies", run=FIRST, search="a_b", fields="first_year,last_year"
    )
    second = api.rows(
        "/v1/dimensions/production-companies", run=SECOND, search="a_b", fields="first_year,last_year"
    )
    assert first == [{"first_year": 1997, "last_year": 1997}]
    assert second == [{"first_year": 1997, "last_year": 1999}]


@pytest.fixture
def huge(fresh: Fresh) -> Api:
    """A warehouse whose one company has the largest sums there can be, in two years."""
    api, world = fresh
    world.add(FIRST, MOVIES[:1])
    largest: dict[str, Any] = measures([]) | {
        "revenue": 2**63 - 1,
        "popularity": 2**63 - 1,
        "popularity_known": 1,
    }
    with transaction(world.engine) as connection:
        for year in (2050, 2051):
            row = {"run": 1, "company_id": 1, "year": year, **largest, "avg_popularity": 2**63 - 1}
            connection.execute(insert(MART_TABLES["company_year"]).values(row))
    world.publish(FIRST)
    return api


def test_the_largest_sums_come_exactly(huge: Api) -> None:
    answer = huge.get(
        "/v1/aggregates/production-companies", year=2050, fields="revenue,popularity,avg_popularity"
    )
    assert (
        b'[{"revenue":9223372036854775807,"popularity":9223372036854.775807,"avg_popularity":9223372036854.775807}]'
        in answer.content
    )


def test_a_sum_beyond_64_bits_is_refused_and_never_wraps(huge: Api) -> None:
    answer = huge.get("/v1/aggregates/production-companies", rollup="years")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == "rollup"
    assert "2^63-1" in answer.json()["detail"]
    assert huge.get("/v1/aggregates/production-companies", rollup="years", year=2050).status_code == 200
