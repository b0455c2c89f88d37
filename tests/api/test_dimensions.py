"""Dimensions: who is in a run, since when, and how often."""

import pytest

from tests.api.conftest import FIRST, SECOND
from tests.support.http import Api
from tests.support.movies import COMPANIES, GENRES, MOVIES, Movie, Row
from tests.support.world import World

GENRE_PATH, COMPANY_PATH = "/v1/dimensions/genres", "/v1/dimensions/production-companies"


def member(id_: int, movies: list[Movie], **names: str) -> Row:
    years = [movie.year for movie in movies]
    return {"id": id_, **names, "first_year": min(years), "last_year": max(years), "releases": len(movies)}


def genres() -> list[Row]:
    return [
        member(
            id_, [movie for movie in MOVIES if id_ in movie.genres], name=GENRES[id_][0], slug=GENRES[id_][1]
        )
        for id_ in sorted(GENRES)
    ]


def companies() -> list[Row]:
    return [
        member(id_, [movie for movie in MOVIES if id_ in movie.companies], name=COMPANIES[id_])
        for id_ in sorted(COMPANIES)
    ]


def test_members_are_listed_whole_by_id(api: Api) -> None:
    assert api.rows(GENRE_PATH) == genres()
    assert api.rows(COMPANY_PATH) == companies()


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("ete", ["Été"]),
        ("ÉTÉ", ["Été"]),
        ("DRAMA", ["drama", "Drama"]),
        ("e", ["Comedy", "Été", "Science Fiction"]),
        ("science f", ["Science Fiction"]),
        ("18", ["18"]),
        ("western", []),
    ],
)
def test_search_is_a_substring_without_case_and_accents(api: Api, search: str, names: list[str]) -> None:
    found = api.rows(GENRE_PATH, search=search)
    assert sorted(row["name"] for row in found) == sorted(names)


@pytest.mark.parametrize(
    ("search", "ids"),
    [("%", [13]), ("_", [13]), ('"', [12]), ("astral", [4]), ("~w", [5]), ('TE "&, =', [12]), ('"""', [])],
)
def test_search_knows_no_wildcards(api: Api, search: str, ids: list[int]) -> None:
    assert [row["id"] for row in api.rows(COMPANY_PATH, search=search)] == ids


def test_the_most_frequent_first(api: Api) -> None:
    found = api.rows(COMPANY_PATH, sort="-releases,name", fields="name,releases", limit=3)
    expected = sorted(companies(), key=lambda row: (-row["releases"], row["name"], row["id"]))
    assert found == [{"name": row["name"], "releases": row["releases"]} for row in expected[:3]]


def test_text_sorts_by_code_point(api: Api) -> None:
    found = [row["name"] for row in api.rows(COMPANY_PATH, sort="name")]
    assert found == sorted(found)
    assert found[-1].startswith("\N{MATHEMATICAL DOUBLE-STRUCK CAPITAL A}")


def test_a_search_goes_on_over_pages(api: Api) -> None:
    pages = api.walk(COMPANY_PATH, search="t", limit=1, sort="-name")
    names = [row["name"] for page in pages for row in page]
    assert names == sorted((row["name"] for row in companies() if "t" in row["name"].lower()), reverse=True)


@pytest.mark.parametrize("search", ["ama", "dram", "DRAMA", "ence fic", "été", "era", "amax", '"dr'])
@pytest.mark.parametrize("sort", ["id", "-id", "name", "-releases,name"])
def test_a_search_of_three_characters_and_more(api: Api, search: str, sort: str) -> None:
    field, down = sort.partition(",")[0].removeprefix("-"), sort.startswith("-")
    key = unaccented(search)
    found = [row for page in api.walk(GENRE_PATH, search=search, sort=sort, limit=1) for row in page]
    wanted = [row for row in genres() if key in unaccented(row["name"])]
    wanted.sort(key=lambda row: row[field] * (-1 if down else 1) if field != "name" else row["name"])
    assert sorted(found, key=lambda row: row["id"]) == sorted(wanted, key=lambda row: row["id"])
    assert [row[field] for row in found] == [row[field] for row in wanted]


def test_a_search_is_within_its_run(api: Api, world: World) -> None:
    for run in (FIRST, SECOND):
        ids = {id_ for movie in world.runs[run] for id_ in movie.companies if "win" in COMPANIES[id_]}
        assert [row["id"] for row in api.rows(COMPANY_PATH, search="WIN", run=run)] == sorted(ids)


def unaccented(text: str) -> str:
    return text.lower().replace("é", "e")


def test_meta_names_the_mart_that_was_counted(api: Api) -> None:
    meta = api.get(GENRE_PATH).json()["meta"]
    assert (meta["mart"], meta["additive"]) == ("genre_year", {"genre": False})
