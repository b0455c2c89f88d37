"""Listings through the client, against marts worked out in plain Python."""

from pathlib import Path

import pytest

import app.client.pages
from app.client import Client, InvalidParameters, NotFound, RunPruned
from tests.client.conftest import FIRST, SECOND, world_of
from tests.support.movies import GENRES, LATER, MOVIES, Row, mart, shown
from tests.support.server import credentials, serving


def rows(name: str, movies: tuple[object, ...] = MOVIES) -> list[Row]:
    return [shown(row) for row in mart(name, movies)]  # type: ignore[arg-type]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.client.pages, "MAX_PAGE", 3)


def test_every_aggregate_is_read_whole(marts: Client, small_pages: None) -> None:
    assert list(marts.years()) == rows("year")
    assert list(marts.genres()) == rows("genre_year")
    assert marts.production_companies().rows() == rows("company_year")
    assert marts.production_company_genres().rows() == rows("company_genre_year")


def test_questions_reach_the_server(marts: Client) -> None:
    found = marts.genres(year=[1995, 1996], genre=("drama", 35), sort="-revenue", fields=["genre", "revenue"])
    expected = [row for row in rows("genre_year") if row["year"] < 1997 and row["genre_id"] in (18, 35)]
    expected.sort(key=lambda row: -row["revenue"])
    assert found.rows() == [{"genre": row["genre"], "revenue": row["revenue"]} for row in expected]
    (named,) = marts.production_companies(company='Quote "&, =HYPERLINK()', year=2000)
    assert named["company_id"] == 12


def test_years_are_rolled_up(marts: Client) -> None:
    found = {row["genre_id"]: row["releases"] for row in marts.genres(rollup="years")}
    assert found == {id_: sum(id_ in movie.genres for movie in MOVIES) for id_ in GENRES}


def test_a_ranking_and_its_ties(marts: Client) -> None:
    found = marts.ranking("genres", metric="releases", top=2, year=2000)
    assert [(row["rank"], row["genre_id"]) for row in found] == [(1, 35), (1, 878)]
    best = marts.ranking("production_companies", metric="revenue", year=1997).first()
    assert best is not None
    assert (best["company"], best["revenue"]) == ("Zenith", 80)


def test_dimensions(marts: Client) -> None:
    assert {row["id"]: (row["name"], row["slug"]) for row in marts.dimension("genres")} == GENRES
    (eclair,) = marts.dimension("production_companies", search="eclair")
    assert (eclair["id"], eclair["first_year"], eclair["last_year"]) == (3, 1995, 1998)


@pytest.mark.parametrize("limit", [1, 3, 4, 7, 1000])
def test_a_limit_is_that_of_all_pages(marts: Client, small_pages: None, limit: int) -> None:
    assert marts.years(limit=limit).rows() == rows("year")[:limit]


def test_pages_are_whole_pages(marts: Client, small_pages: None) -> None:
    pages = list(marts.genres(limit=4).pages())
    assert [len(page.rows) for page in pages] == [3, 3]
    assert {page.run_id for page in pages} == {FIRST}


def test_nothing_selected_is_nothing(marts: Client) -> None:
    assert marts.years(year=1900).rows() == []
    assert marts.years(year=1900).first() is None


def test_a_listing_says_what_it_is(marts: Client) -> None:
    listing = marts.production_company_genres(year=1995)
    assert listing.run_id == FIRST
    assert listing.as_of == "1998-12-31"
    assert listing.additive == {"production_company": False, "genre": False, "year": True}
    assert repr(listing) == "<Listing /v1/aggregates/production-company-genres year=1995>"


def test_a_run_can_be_pinned(marts: Client) -> None:
    assert marts.years(run=SECOND).rows() == rows("year", LATER)
    assert marts.at(SECOND).genres().rows() == rows("genre_year", LATER)
    assert marts.at(SECOND).genres(run=FIRST).run_id == FIRST


def test_a_bad_question_names_the_parameter(marts: Client) -> None:
    with pytest.raises(InvalidParameters) as caught:
        marts.years(sort="revenu").rows()
    assert [fault.parameter for fault in caught.value.errors] == ["sort"]
    assert caught.value.status == 400
    assert caught.value.request_id
    assert "revenue" in str(caught.value)
    with pytest.raises(NotFound, match="nowhere"):
        marts.years(run="nowhere").rows()


def test_pages_are_of_one_run_while_others_are_published_and_end_when_it_is_pruned(
    tmp_path: Path, small_pages: None
) -> None:
    world = world_of(tmp_path)
    world.add(FIRST, MOVIES)
    world.add(SECOND, LATER)
    world.publish(FIRST)
    client_id, secret = credentials(tmp_path)
    with serving(tmp_path) as server, Client(server.url, client_id=client_id, client_secret=secret) as marts:
        listing, lost = marts.genres(), marts.genres()
        started, doomed = iter(listing), iter(lost)
        begun = [next(started), next(doomed)]
        world.publish(SECOND)
        assert [begun[0], *started] == rows("genre_year")
        assert listing.run_id == FIRST
        world.prune(FIRST)
        with pytest.raises(RunPruned) as caught:
            list(doomed)
        assert caught.value.status == 409
