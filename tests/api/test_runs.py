"""Runs: the list, the published one, one of them."""

import pytest

from tests.api.conftest import FIRST, HELD, SECOND
from tests.support.http import Api, authorized
from tests.support.movies import LATER, MOVIES
from tests.support.world import World

FIELDS = (
    "run_id",
    "status",
    "reason",
    "as_of",
    "created_at",
    "published_at",
    "rows",
    "accepted",
    "rejects",
    "tables",
    "files",
    "engine",
)


def test_one_run_whole(api: Api) -> None:
    answer = api.get(f"/v1/runs/{HELD}")
    run = answer.json()["data"]
    assert run | {"tables": None} == {
        "run_id": HELD,
        "status": "held",
        "reason": "releases fell below half",
        "as_of": "1998-12-31",
        "created_at": "2025-01-02T03:04:05.678900Z",
        "published_at": None,
        "rows": 3,
        "accepted": 2,
        "rejects": {"duplicate_id": 1},
        "without": {"genre": 1, "production_company": 1},
        "tables": None,
        "files": [{"path": "movies.csv", "size": 10, "sha256": "ab" * 32}],
        "engine": "polars",
    }
    assert run["tables"]["year"] == 1
    assert set(FIELDS) <= set(run)
    assert answer.json()["meta"] == {
        "run_id": HELD,
        "as_of": "1998-12-31",
        "published_at": None,
        "mart": None,
        "additive": {},
        "count": 1,
        "next_cursor": None,
    }
    assert answer.headers["run-id"] == HELD


def test_the_newest_first(api: Api) -> None:
    assert [run["run_id"] for run in api.rows("/v1/runs")] == [HELD, SECOND, FIRST]


def test_statuses(api: Api) -> None:
    found = {run["run_id"]: run["status"] for run in api.rows("/v1/runs", fields="run_id,status")}
    assert found == {FIRST: "published", SECOND: "superseded", HELD: "held"}


@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        ("run_id", [FIRST, SECOND, HELD]),
        ("status", [HELD, FIRST, SECOND]),
        ("-status", [SECOND, FIRST, HELD]),
        ("reason", [HELD, SECOND, FIRST]),
        ("-reason", [HELD, SECOND, FIRST]),
        ("published_at", [SECOND, FIRST, HELD]),
        ("-published_at", [FIRST, SECOND, HELD]),
        ("accepted,-rows", [HELD, SECOND, FIRST]),
        ("as_of,engine,created_at", [HELD, SECOND, FIRST]),
    ],
)
def test_any_order_ties_newest_first_nulls_last(api: Api, sort: str, ids: list[str]) -> None:
    pages = api.walk("/v1/runs", sort=sort, limit=1, fields="run_id")
    assert [run["run_id"] for page in pages for run in page] == ids


def test_the_published_run(api: Api) -> None:
    assert api.get("/v1/runs/current").json()["data"] == api.get(f"/v1/runs/{FIRST}").json()["data"]
    found = api.get("/v1/runs/current", fields="status,run_id").json()["data"]
    assert list(found.items()) == [("status", "published"), ("run_id", FIRST)]


@pytest.mark.parametrize("path", [f"/v1/runs/{SECOND}", f"/v1/runs/{SECOND}/changes?since={FIRST}"])
def test_an_answer_about_one_run_names_that_run(api: Api, path: str) -> None:
    answer = api.get(path)
    run = api.get(f"/v1/runs/{SECOND}").json()["data"]
    assert answer.headers["run-id"] == SECOND
    for name in ("run_id", "as_of", "published_at"):
        assert answer.json()["meta"][name] == run[name]


@pytest.mark.parametrize("run", ["nothing", "x" * 5000, "%00", "%FF", "..%2F", "a'b"])
def test_an_unknown_run_is_404(api: Api, run: str) -> None:
    for path in (f"/v1/runs/{run}", f"/v1/runs/{run}/changes?since={FIRST}"):
        answer = api.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/v1/aggregates/years?run=", f"/v1/runs/{SECOND}/changes?since="])
def test_a_long_id_is_not_repeated_in_the_answer(api: Api, path: str) -> None:
    answer = api.get(path + "x" * 5000)
    assert answer.status_code == 404
    assert len(answer.content) < 1000


def test_before_anything_is_published(fresh: tuple[Api, World]) -> None:
    api, world = fresh
    answer = api.get("/v1/runs")
    assert (answer.status_code, answer.json()["data"]) == (200, [])
    assert answer.json()["meta"]["run_id"] is None
    assert "run-id" not in answer.headers
    assert api.get("/v1/runs/current").status_code == 503
    world.add(FIRST, MOVIES)
    assert [run["run_id"] for run in api.rows("/v1/runs")] == [FIRST]
    assert api.get("/v1/runs/current").status_code == 503


def test_a_pruned_run_is_409_and_not_listed(fresh: tuple[Api, World]) -> None:
    api, world = fresh
    world.add(FIRST, MOVIES)
    world.add(SECOND, LATER)
    world.publish(SECOND)
    world.prune(FIRST)
    assert [run["run_id"] for run in api.rows("/v1/runs")] == [SECOND]
    assert api.get(f"/v1/runs/{FIRST}").status_code == 409
    assert api.get(f"/v1/runs/{FIRST}/changes?since={SECOND}").status_code == 409
    answer = api.get(f"/v1/runs/{SECOND}/changes?since={FIRST}")
    assert answer.status_code == 409
    assert [error["parameter"] for error in answer.json()["errors"]] == ["since"]


def test_a_page_goes_on_where_a_pruned_run_ended_it(fresh: tuple[Api, World]) -> None:
    api, world = fresh
    for run in (FIRST, SECOND, HELD):
        world.add(run, MOVIES[:1])
    following = api.get("/v1/runs", limit=1, sort="run_id").json()["links"]["next"]
    world.prune(FIRST)
    assert [run["run_id"] for run in api.rows(following)] == [SECOND]


@pytest.mark.parametrize("path", ["/v1/runs", "/v1/runs/current", f"/v1/runs/{FIRST}"])
def test_runs_cannot_be_pinned(api: Api, path: str) -> None:
    assert api.get(path, run=FIRST).status_code == 400


@pytest.mark.parametrize("sort", ["files", "tables", "rejects"])
def test_objects_have_no_order(api: Api, sort: str) -> None:
    assert api.get("/v1/runs", sort=sort).status_code == 400


def test_scopes_are_kept_apart(api: Api) -> None:
    marts, runs = (authorized(api.app, scope, runner=api.runner) for scope in ("marts:read", "runs:read"))
    assert marts.get("/v1/aggregates/years").status_code == 200
    assert marts.get("/v1/runs").status_code == 403
    assert runs.get("/v1/runs").status_code == 200
    assert runs.get("/v1/aggregates/years").status_code == 403
    assert 'error="insufficient_scope"' in runs.get("/v1/dimensions/genres").headers["www-authenticate"]
