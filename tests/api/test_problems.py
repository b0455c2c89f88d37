"""Errors: one shape for all of them, and none of them says anything of the program's inside."""

from pathlib import Path
from typing import Any

import pytest

from app.database import open_engine, ready
from app.main import close
from app.settings import Settings
from tests.api.conftest import application
from tests.support.http import Api, authorized

MEMBERS = {"type", "title", "status", "detail", "instance", "request_id", "errors"}


def assert_problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    problem: dict[str, Any] = answer.json()
    assert set(problem) == MEMBERS
    assert problem["status"] == status
    assert problem["type"].startswith("urn:movie-marts:problem:")
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert isinstance(problem["title"], str)
    assert isinstance(problem["detail"], str)
    assert all(set(error) == {"parameter", "detail"} for error in problem["errors"])
    return problem


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1/aggregates", 404),
        ("GET", "/v1/aggregates/years/", 404),
        ("GET", "/v1/runs/nothing", 404),
        ("POST", "/v1/aggregates/years", 405),
        ("DELETE", "/v1/runs/x", 405),
        ("PUT", "/healthz", 405),
        ("GET", "/v1/aggregates/years?limit=x", 400),
        ("GET", "/v1/aggregates/years?run=nothing", 404),
        ("GET", "/v1/runs/nothing/changes?since=nothing", 404),
    ],
)
def test_every_error_has_one_shape(api: Api, method: str, path: str, status: int) -> None:
    problem = assert_problem(api.request(method, path), status)
    assert problem["instance"] == path.partition("?")[0]


def test_405_says_what_is_allowed(api: Api) -> None:
    answer = api.request("POST", "/v1/aggregates/years")
    assert {item.strip() for item in answer.headers["allow"].split(",")} == {"GET", "HEAD"}
    assert api.get("/oauth/token").headers["allow"] == "POST"


def test_kinds_of_problems_are_told_apart(api: Api) -> None:
    paths = ["/nowhere", "/v1/aggregates/years?x=1"]
    types = [api.get(path).json()["type"] for path in paths]
    assert types == ["urn:movie-marts:problem:not-found", "urn:movie-marts:problem:invalid-parameters"]


@pytest.mark.parametrize(
    ("authorization", "challenge"),
    [
        (None, 'Bearer realm="movie-marts"'),
        ("Bearer x.y.z", 'error="invalid_token"'),
        ("Basic eDp5", "Bearer"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/aggregates/years", "/v1/runs", "/v1/rankings/genres?limit=x"])
def test_401_challenges(api: Api, path: str, authorization: str | None, challenge: str) -> None:
    answer = api.get(path, headers={"Authorization": authorization})
    assert_problem(answer, 401)
    assert challenge in answer.headers["www-authenticate"]


def test_403_names_the_scope(api: Api) -> None:
    answer = authorized(api.app, "runs:read", runner=api.runner).get("/v1/aggregates/years")
    assert_problem(answer, 403)
    assert 'scope="marts:read"' in answer.headers["www-authenticate"]


def test_a_token_in_the_query_is_the_parameter_at_fault(api: Api) -> None:
    answer = api.get("/v1/aggregates/years?access_token=x")
    problem = assert_problem(answer, 400)
    assert [error["parameter"] for error in problem["errors"]] == ["access_token"]
    assert 'error="invalid_request"' in answer.headers["www-authenticate"]


@pytest.fixture
def broken(tmp_path: Path) -> Any:
    app = application(tmp_path)
    api = authorized(app)

    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError(f"secret of {tmp_path}")

    app.state.store.read = fail
    yield api
    api.runner.close()
    close(app)


def test_a_failure_says_nothing_of_the_inside(broken: Api, caplog: pytest.LogCaptureFixture) -> None:
    answer = broken.get("/v1/aggregates/years")
    problem = assert_problem(answer, 500)
    assert "secret" not in answer.text
    assert problem["request_id"] in caplog.text
    assert "secret" in caplog.text
    assert 'status="500"' in broken.get("/metrics").text


def test_a_store_that_is_gone_is_503_and_comes_back(
    fresh: tuple[Api, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api, _ = fresh
    assert api.get("/readyz").json() == {"status": "ready", "published": None}
    files = [tmp_path / f"warehouse.sqlite{suffix}" for suffix in ("", "-wal", "-shm")]
    moved = [(file, tmp_path / f"kept-{file.name}") for file in files if file.exists()]
    for file, kept in moved:
        file.rename(kept)
    for path in ("/readyz", "/v1/aggregates/years", "/v1/runs"):
        answer = api.get(path)
        problem = assert_problem(answer, 503)
        assert answer.headers["retry-after"]
        assert str(tmp_path) not in problem["detail"]
        (record,) = caplog.records
        assert problem["request_id"] in record.message
        assert "unable to open" in record.message or "No such file" in record.message
        assert (
            record.exc_info is None
        )  # as many lines as a stack has, for every request, would bury all others
        caplog.clear()
    assert api.get("/healthz").status_code == 200
    assert api.get("/metrics").status_code == 200
    (tmp_path / "warehouse.sqlite").write_bytes(b"")
    assert_problem(api.get("/readyz"), 503)
    (tmp_path / "warehouse.sqlite").write_bytes(b"no database" * 1000)
    assert_problem(api.get("/readyz"), 503)
    for file, kept in moved:
        kept.replace(file)
    assert api.get("/readyz").status_code == 200
    assert api.get("/v1/runs").json()["data"] == []


def test_it_starts_over_a_broken_store_and_recovers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    warehouse = tmp_path / "warehouse.sqlite"
    warehouse.write_bytes(b"no database" * 1000)
    app = application(tmp_path)
    api = authorized(app)
    assert "starting without a store" in caplog.text
    assert_problem(api.get("/readyz"), 503)
    warehouse.unlink()
    assert_problem(api.get("/readyz"), 503)
    ready(open_engine(Settings(home=tmp_path, _env_file=None).warehouse), "warehouse")
    assert api.get("/readyz").json() == {"status": "ready", "published": None}
    api.runner.close()
    close(app)
