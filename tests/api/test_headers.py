"""Headers: entity tags, conditional requests, caching, formats, HEAD."""

import pytest

from tests.api.conftest import FIRST, SECOND
from tests.support.http import Api
from tests.support.movies import LATER, MOVIES
from tests.support.world import World

DATA = ("/v1/aggregates/genres", "/v1/rankings/genres", "/v1/dimensions/genres", "/v1/aggregates/years")
RUNS = ("/v1/runs", "/v1/runs/current", f"/v1/runs/{SECOND}", f"/v1/runs/{SECOND}/changes?since={FIRST}")
EVERY = (*DATA, *RUNS)


@pytest.mark.parametrize("path", EVERY)
def test_every_data_answer_has_its_headers(api: Api, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["run-id"] == answer.json()["meta"]["run_id"]
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["vary"] == "Accept, Accept-Encoding, Authorization"
    assert answer.headers["etag"].startswith('"')
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("path", EVERY)
@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', 'W/"x",W/{} ', "*"])
def test_304_where_the_copy_is_current(api: Api, path: str, form: str) -> None:
    tag = api.get(path).headers["etag"]
    answer = api.get(path, headers={"If-None-Match": form.format(tag)})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == tag
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["vary"]
    assert "content-type" not in answer.headers


@pytest.mark.parametrize("given", ['"other"', "", "rubbish", '"a", "b"', "other, *"])
def test_200_where_it_is_not(api: Api, given: str) -> None:
    assert api.get("/v1/aggregates/years", headers={"If-None-Match": given}).status_code == 200


def test_a_tag_stands_for_run_and_question(api: Api) -> None:
    path = "/v1/aggregates/genres"
    questions = ["", "?limit=5", "?limit=1", "?fields=year", "?year=1995", "?sort=-year", f"?run={SECOND}"]
    following = api.get(path, limit=5).json()["links"]["next"].removeprefix(path)
    tags = [api.get(path + question).headers["etag"] for question in [*questions, following]]
    assert len(set(tags)) == len(tags)
    again = api.get(f"{path}?fields=year&format=json")
    assert again.headers["etag"] == api.get(f"{path}?fields=year").headers["etag"]


def test_a_tag_goes_stale_with_a_publish(fresh: tuple[Api, World]) -> None:
    api, world = fresh
    world.add(FIRST, MOVIES)
    world.publish(FIRST)
    tags = {path: api.get(path).headers["etag"] for path in EVERY[:6]}
    world.add(SECOND, LATER)
    world.publish(SECOND)
    for path, tag in tags.items():
        assert api.get(path, headers={"If-None-Match": tag}).status_code == 200, path
    world.publish(FIRST)
    for path in DATA:
        assert api.get(path, headers={"If-None-Match": tags[path]}).status_code == 304, path


@pytest.mark.parametrize("path", DATA)
def test_a_pinned_answer_never_changes(api: Api, path: str) -> None:
    answer = api.get(path, run=FIRST, limit=1)
    kept = answer.headers["cache-control"]
    assert kept.startswith("private, immutable, max-age=")
    following = api.get(answer.json()["links"]["next"])
    assert following.headers["cache-control"] == kept
    assert (
        api.get(api.get(path, limit=1).json()["links"]["next"]).headers["cache-control"]
        == "private, no-cache"
    )


@pytest.mark.parametrize("path", [*EVERY, "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"])
def test_head_is_get_without_a_body(api: Api, path: str) -> None:
    got, head = api.get(path), api.request("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    own = {"x-request-id", "content-length"} if path == "/metrics" else {"x-request-id"}
    assert {name: head.headers[name] for name in head.headers.keys() - own} == {
        name: got.headers[name] for name in got.headers.keys() - own
    }
    assert int(got.headers["content-length"]) == got.num_bytes_downloaded


def test_no_body_leaves_the_application(api: Api) -> None:
    assert api.raw("GET", "/v1/aggregates/years")[1]
    for path in ("/v1/aggregates/years", "/docs/swagger-ui.css", "/nowhere"):
        assert api.raw("HEAD", path)[1] == b""


def test_head_says_what_is_wrong_without_a_body(api: Api) -> None:
    head = api.request("HEAD", "/v1/aggregates/years?limit=0")
    assert (head.status_code, head.content) == (400, b"")
    assert api.request("HEAD", "/v1/aggregates/years", headers={"Authorization": None}).status_code == 401


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "*/*",
        "application/json",
        "application/*;q=0.1",
        "text/html,application/xhtml+xml,*/*;q=0.8",
        "text/csv;q=0.5, application/json",
        "APPLICATION/JSON; charset=utf-8",
        "",
    ],
)
def test_json_where_it_is_acceptable(api: Api, accept: str | None) -> None:
    answer = api.get("/v1/aggregates/years", headers={"Accept": accept} if accept is not None else None)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "accept",
    ["text/html", "application/json;q=0", "image/*", "*/*;q=0", "rubbish", "*/*;q=x"],
)
@pytest.mark.parametrize("path", ["/v1/aggregates/years", "/v1/runs", "/v1/runs/current"])
def test_406_where_it_is_not(api: Api, path: str, accept: str) -> None:
    answer = api.get(path, headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer.headers["content-type"] == "application/problem+json"
    assert api.get(path, headers={"Accept": accept}, format="json").status_code == 200


@pytest.mark.parametrize("path", EVERY)
@pytest.mark.parametrize("name", ["xml", "JSON", "application/json"])
def test_an_unknown_format_is_400(api: Api, path: str, name: str) -> None:
    joined = "&" if "?" in path else "?"
    assert api.get(f"{path}{joined}format={name}").json()["errors"][0]["parameter"] == "format"


def test_a_sane_request_id_is_taken_over(api: Api) -> None:
    answer = api.get("/healthz", headers={"X-Request-Id": "proxy-1.a_B"})
    assert answer.headers["x-request-id"] == "proxy-1.a_B"
    problem = api.get("/nowhere", headers={"X-Request-Id": "proxy-2"})
    assert problem.json()["request_id"] == problem.headers["x-request-id"] == "proxy-2"


@pytest.mark.parametrize("given", ["a b", "x" * 129, "<script>", "", "a\tb"])
def test_any_other_is_replaced(api: Api, given: str) -> None:
    answer = api.get("/healthz", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"] not in {given, ""}
    assert answer.headers["x-request-id"] != api.get("/healthz").headers["x-request-id"]
