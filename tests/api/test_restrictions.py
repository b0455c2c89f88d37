"""Restricted clients: on every path they see their own rows, as if there were no others, or nothing."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import FIRST, SECOND
from tests.api.test_order import ordered
from tests.support.http import Api
from tests.support.movies import COMPANIES, GENRES, KEYS, LATER, MEASURES, MOVIES, SEARCH_KEYS, Movie, Row
from tests.support.restricted import (
    COLUMNS,
    MARTS,
    OF_IDENTITY,
    Allowed,
    changed,
    members,
    ranked,
    restrict,
    restricted,
)

#: Of the dimensions beside the year: whose members a listing ranks or lists.
MEMBERS = {"genres": "genre", "production-companies": "production_company"}
DOCUMENTS: list[dict[str, list[Any]]] = [
    {"genre": [18, 5]},
    {"genre": [7]},
    {"production_company": [2, 12]},
    {"genre": [35, 878], "production_company": [2, 3, 12]},
    {"mart": ["year"]},
    {"mart": ["genre_year", "company_year"], "genre": [99]},
    {"genre": [404]},
]


@pytest.fixture(scope="module")
def limited(shared: tuple[Api, Any]) -> Api:
    """The same API as a client of its own sees it, whose restrictions tests change."""
    return restricted(shared[0], None)


def listed(path: str, allowed: Allowed, movies: Iterable[Movie]) -> list[Row]:
    """What a listing shows to a client unless it is asked for something else."""
    rows = allowed.rows(MARTS[path], [*movies])
    kind, name = path.split("/")[2:]
    if kind == "rankings":
        return ranked(rows, COLUMNS[MEMBERS[name]], "popularity", 1)
    return members(MEMBERS[name], rows) if kind == "dimensions" else rows


def listing(path: str) -> Callable[[Api, Allowed], None]:
    """Return the check of a listing: its rows, as a page and as a file, or a refusal that says why."""

    def check(api: Api, allowed: Allowed) -> None:
        for run, movies in ((FIRST, MOVIES), (SECOND, LATER)):
            answers = [
                api.get(path, run=run, limit=1000),
                api.get(path, run=run, limit="all", format="ndjson"),
            ]
            if allowed.reads(MARTS[path]):
                expected = listed(path, allowed, movies)
                assert answers[0].json()["data"] == expected
                assert [orjson.loads(line) for line in answers[1].content.splitlines()] == expected
            else:
                assert [is_refused(answer, MARTS[path]) for answer in answers] == [True, True]

    return check


def is_refused(answer: httpx.Response, mart: str) -> bool:
    """Whether an answer is the problem that a mart is not readable."""
    assert answer.status_code == 403, answer.text
    assert answer.headers["www-authenticate"].startswith(
        'Bearer realm="movie-marts", error="insufficient_scope"'
    )
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"]).startswith(f"this client may not read the mart {mart}; it may read: ")


def runs(api: Api, _: Allowed) -> None:
    found = api.rows("/v1/runs")
    assert {run["run_id"] for run in found} >= {FIRST, SECOND}
    assert all(set(run) == OF_IDENTITY for run in found)
    for word in ("accepted", "tables", "reason"):
        assert api.get("/v1/runs", fields=word).status_code == 400
        assert api.get("/v1/runs", sort=word).status_code == 400


def one_run(path: str) -> Callable[[Api, Allowed], None]:
    def check(api: Api, _: Allowed) -> None:
        answer = api.get(path)
        assert set(answer.json()["data"]) == OF_IDENTITY
        assert answer.json()["data"]["run_id"] == FIRST
        assert api.get(path, fields="rows").status_code == 400

    return check


def changes(api: Api, allowed: Allowed) -> None:
    path, expected = f"/v1/runs/{SECOND}/changes", changed(allowed, MOVIES, LATER)
    for limit in (1000, 2):
        assert [row for page in api.walk(path, since=FIRST, limit=limit) for row in page] == expected
    for name in KEYS:
        answer = api.get(path, since=FIRST, mart=name, limit=1000)
        if allowed.reads(name):
            assert answer.json()["data"] == [row for row in expected if row["mart"] == name]
        else:
            assert is_refused(answer, name)


#: What a restricted client sees, by route. A new route under /v1 says here what that is.
CHECKS: dict[str, Callable[[Api, Allowed], None]] = {
    **{path: listing(path) for path in MARTS},
    "/v1/runs": runs,
    "/v1/runs/current": one_run("/v1/runs/current"),
    "/v1/runs/{run_id}": one_run(f"/v1/runs/{FIRST}"),
    "/v1/runs/{run_id}/changes": changes,
}
#: Routes that anybody may ask, or that tell a client only of its tokens: they have nothing of the marts.
OF_NO_MART = {
    *("/oauth/token", "/oauth/revoke", "/oauth/introspect"),
    *("/.well-known/oauth-authorization-server", "/.well-known/jwks.json"),
    *("/healthz", "/readyz", "/metrics", "/openapi.json"),
    *("/docs", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"),
}


def paths(routes: Iterable[Any]) -> Iterator[str]:
    """Yield the path of every route, those of included routers, too."""
    for route in routes:
        if hasattr(route, "path"):
            yield route.path
        else:
            yield from paths(route.original_router.routes)


def test_every_route_has_a_rule(api: Api) -> None:
    assert set(paths(api.app.routes)) == {*CHECKS, *OF_NO_MART}


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
@pytest.mark.parametrize("path", CHECKS)
def test_a_restricted_client_sees_its_own(limited: Api, path: str, document: dict[str, list[Any]]) -> None:
    restrict(limited, document)
    CHECKS[path](limited, Allowed(document))


def test_the_same_clients_see_everything_again(limited: Api, api: Api) -> None:
    restrict(limited, {"genre": [7]})
    assert limited.rows("/v1/aggregates/genres") != api.rows("/v1/aggregates/genres")
    restrict(limited, None)
    for path in MARTS:
        assert limited.rows(path) == api.rows(path)
    assert limited.rows("/v1/runs") == api.rows("/v1/runs")


def test_what_is_beyond_is_refused_before_a_word_is_said_of_the_question(limited: Api) -> None:
    restrict(limited, {"genre": [18]})
    assert is_refused(limited.get("/v1/aggregates/years", nonsense=1), "year")
    assert is_refused(limited.get("/v1/aggregates/years", run="unknown"), "year")
    assert is_refused(limited.request("GET", "/v1/aggregates/%79ears"), "year")
    assert limited.request("HEAD", "/v1/aggregates/years").status_code == 403


@pytest.mark.parametrize(
    ("genre", "word", "found"),
    [(5, "18", {5}), (7, "drama", {7}), (18, "drama", {18}), (18, "18", {18}), (35, "drama", set())],
)
def test_no_other_genre_stands_in_the_way_of_a_word(
    limited: Api, genre: int, word: str, found: set[int]
) -> None:
    """`18` is an id and the slug of another genre, `drama` a slug and the name of another one."""
    restrict(limited, {"genre": [genre]})
    assert {row["genre_id"] for row in limited.rows("/v1/aggregates/genres", genre=word)} == found


@st.composite
def documents(draw: st.DrawFn) -> dict[str, list[Any]]:
    """Restrictions to marts, genres and companies, some of which there are not."""
    kinds: dict[str, list[Any]] = {
        "mart": [*KEYS],
        "genre": [*GENRES, 404],
        "production_company": [*COMPANIES, 404],
    }
    chosen = draw(st.lists(st.sampled_from(sorted(kinds)), min_size=1, unique=True))
    return {kind: draw(st.lists(st.sampled_from(kinds[kind]), min_size=1, unique=True)) for kind in chosen}


@st.composite
def questions(draw: st.DrawFn) -> tuple[Allowed, str, dict[str, Any]]:
    """Restrictions, and a question to a listing that they leave readable, if any, with its own parameters."""
    allowed = Allowed(draw(documents()))
    path = draw(st.sampled_from([path for path in sorted(MARTS) if allowed.reads(MARTS[path])] or [*MARTS]))
    kind, columns = path.split("/")[2], KEYS[MARTS[path]]
    known: dict[str, st.SearchStrategy[Any]] = {}
    if kind == "dimensions":
        known["search"] = st.sampled_from(["e", "dra", "18", "twin", "é", "science", "zzz"])
    else:
        known |= {"year_from": st.integers(1995, 1999), "year": st.sampled_from([[1995], [1996, 1998]])}
    if kind == "rankings":
        known |= {"metric": st.sampled_from(MEASURES), "top": st.integers(1, 4)}
    if kind == "aggregates":
        signs = st.sampled_from(["", "-"])
        known["sort"] = st.builds("{}{}".format, signs, st.sampled_from(MEASURES))
        if len(columns) > 1:
            known["rollup"] = st.just("years")
        if "genre_id" in columns:
            words = [*map(str, GENRES), "drama", "18", "Science Fiction", "404"]
            known["genre"] = st.lists(st.sampled_from(words), min_size=1, max_size=2)
        if "company_id" in columns:
            known["company_id"] = st.lists(st.sampled_from([*COMPANIES, 404]), min_size=1, max_size=3)
    names = draw(st.lists(st.sampled_from(sorted(known)), unique=True))
    return allowed, path, {name: draw(known[name]) for name in names}


def answered(path: str, allowed: Allowed, asked: dict[str, Any]) -> list[Row]:
    """What the answer to a question is."""
    kind, name = path.split("/")[2:]
    movies = [
        movie
        for movie in MOVIES
        if movie.year >= asked.get("year_from", 0) and movie.year in asked.get("year", [movie.year])
    ]
    if kind == "dimensions":
        found = members(MEMBERS[name], allowed.rows(MARTS[path], MOVIES))
        folded = {"é": "e"}.get(asked.get("search", ""), asked.get("search", ""))
        return [row for row in found if folded in SEARCH_KEYS[row["name"]]]
    rolled = allowed.rolled if "rollup" in asked else allowed.rows
    rows = rolled(MARTS[path], movies)
    if kind == "rankings":
        return ranked(rows, COLUMNS[MEMBERS[name]], asked.get("metric", "popularity"), asked.get("top", 1))
    if "genre" in asked:
        rows = [row for row in rows if row["genre_id"] in set().union(*map(allowed.genres, asked["genre"]))]
    if "company_id" in asked:
        rows = [row for row in rows if row["company_id"] in asked["company_id"]]
    key = [column for column in KEYS[MARTS[path]] if column != "year" or "rollup" not in asked]
    return ordered(rows, [asked["sort"]] if "sort" in asked else [], key)


@given(questions(), st.integers(1, 7))
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_question_within_any_restrictions(
    limited: Api, question: tuple[Allowed, str, dict[str, Any]], limit: int
) -> None:
    allowed, path, parameters = question
    restrict(limited, allowed.document)
    if not allowed.reads(MARTS[path]):
        assert is_refused(limited.get(path, **parameters), MARTS[path])
        return
    expected = answered(path, allowed, parameters)
    pages = limited.walk(path, limit=limit, **parameters)
    assert [row for page in pages for row in page] == expected
    assert limited.rows(path, limit=1000, **parameters) == expected
