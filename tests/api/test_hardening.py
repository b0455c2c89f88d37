"""What protects browsers and names: headers of every answer, hosts, origins, tokens in URLs, proxies."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.errors import ConfigurationError
from app.server.limits import Limits
from app.settings import load_settings
from tests.api.test_at_once import PATH, Served
from tests.support.http import Api
from tests.support.server import serving
from tests.support.wire import Wire, request, running

#: By OWASP's REST security cheat sheet, as far as it concerns an API without cookies.
PROTECTION = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
ANSWERS = {
    PATH: 200,
    "/v1/runs": 200,
    "/v1/runs/nowhere": 404,
    "/v1/aggregates/genres?nonsense=1": 400,
    "/nowhere": 404,
    "/healthz": 200,
    "/readyz": 200,
    "/metrics": 200,
    "/openapi.json": 200,
    "/docs/swagger-ui.css": 200,
    "/docs/start.js": 200,
    "/.well-known/jwks.json": 200,
    "/oauth/token": 405,
}
ORIGIN, OTHER = "https://app.example.org", "https://evil.example"


def served_with(home: Path, **settings: Any) -> Iterator[Served]:
    served = Served(home, **{"rate_limit": "off", "access_log": "off"} | settings)
    yield served
    served.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    yield from served_with(tmp_path)


@pytest.fixture
def named(tmp_path: Path) -> Iterator[Api]:
    for served in served_with(tmp_path, allowed_hosts="api.test, *.example.org,[::1]"):
        yield served.api


@pytest.fixture
def shared_with(tmp_path: Path) -> Iterator[Served]:
    yield from served_with(tmp_path, cors_origins=f"{ORIGIN}, http://localhost:3000", rate_limit="9/hour")


@pytest.mark.parametrize(("path", "status"), ANSWERS.items())
def test_every_answer_protects_its_reader(api: Api, path: str, status: int) -> None:
    for answer in (api.get(path), api.request("HEAD", path)):
        assert answer.status_code == status
        assert {name: answer.headers.get(name) for name in PROTECTION} == PROTECTION
        assert "strict-transport-security" not in answer.headers


def test_answers_without_a_token_and_of_failures_do_too(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = api.get(PATH, headers={"Authorization": None})
    assert {name: answer.headers.get(name) for name in PROTECTION} == PROTECTION
    monkeypatch.setattr(api.app, "openapi", lambda: 1 / 0)
    failed = api.get("/openapi.json")
    assert failed.status_code == 500
    assert {name: failed.headers.get(name) for name in PROTECTION} == PROTECTION


def test_an_answer_at_once_does_too(served: Served) -> None:
    with running(served.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as wire:
        answers = [wire.send(served.request()).answer() for _ in range(2)]
    for answer in answers:
        assert {name: answer.headers.get(name) for name in PROTECTION} == PROTECTION


def test_a_refusal_of_the_server_does_too(tmp_path: Path) -> None:
    with serving(tmp_path, APP_ALLOWED_HOSTS="127.0.0.1") as server:
        refused = httpx.get(f"{server.url}/{'x' * 9_000}")
        misdirected = httpx.get(f"{server.url}/v1/runs", headers={"Host": "evil.test"})
    assert [answer.status_code for answer in (refused, misdirected)] == [414, 421]
    for answer in (refused, misdirected):
        assert {name: answer.headers.get(name) for name in PROTECTION} == PROTECTION


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [("https://api.example.org", "max-age=31536000"), ("http://api.example.org", None)],
)
def test_strict_transport_security_where_the_issuer_is_https(
    tmp_path: Path, issuer: str, expected: str | None
) -> None:
    for served in served_with(tmp_path, issuer=issuer):
        for path in (PATH, PATH, "/healthz"):
            assert served.api.get(path).headers.get("strict-transport-security") == expected


def test_the_docs_page_has_a_policy_of_its_own(api: Api) -> None:
    page = api.get("/docs")
    directives = dict(
        directive.strip().split(" ", 1) for directive in page.headers["content-security-policy"].split(";")
    )
    assert directives == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in page.headers["permissions-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("api.test", 200),
        ("API.test:8000", 200),
        ("a.example.org", 200),
        ("a.b.example.org:443", 200),
        ("[::1]:8000", 200),
        ("example.org", 421),
        ("evil.test", 421),
        ("api.test.evil.test", 421),
        ("evilexample.org", 421),
        ("api.test@evil.test", 421),
        ("api.test:80:80", 421),
        ("127.0.0.1", 421),
        ("", 421),
    ],
)
def test_only_named_hosts_are_answered(named: Api, host: str, status: int) -> None:
    for path in (PATH, "/v1/runs", "/.well-known/jwks.json"):
        answer = named.get(path, headers={"Host": host})
        assert answer.status_code == status, path
        if status == 421:
            assert answer.json()["title"] == "Misdirected Request"
            assert answer.headers["content-type"] == "application/problem+json"
    for path in ("/healthz", "/readyz", "/metrics"):
        assert named.get(path, headers={"Host": host}).status_code == 200


def test_a_finished_answer_is_not_given_to_another_host(tmp_path: Path) -> None:
    for served in served_with(tmp_path, allowed_hosts="test,api.test"):
        with running(served.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as wire:
            assert [wire.send(served.request()).answer().status for _ in range(2)] == [200, 200]
            elsewhere = served.request().replace(b"Host: test", b"Host: evil.test")
            assert wire.send(elsewhere).answer().status == 421
            assert wire.send(served.request()).answer().status == 200


def test_without_names_any_host_is_answered(api: Api) -> None:
    assert api.get(PATH, headers={"Host": "anything.example"}).status_code == 200


def preflight(api: Api, origin: str, method: str = "GET", headers: str = "authorization") -> httpx.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
        "Authorization": None,
    }
    return api.request("OPTIONS", PATH, headers=asked)


def test_other_origins_are_told_nothing_unless_named(api: Api) -> None:
    answer = api.get(PATH, headers={"Origin": ORIGIN})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert preflight(api, ORIGIN).status_code == 405


def test_a_named_origin_may_read_answers_and_their_headers(shared_with: Served) -> None:
    api = shared_with.api
    with running(shared_with.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as wire:
        answers = [wire.send(shared_with.request(PATH, f"Origin: {ORIGIN}")).answer() for _ in range(2)]
    for headers in (
        *(answer.headers for answer in answers),
        api.get(PATH, headers={"Origin": ORIGIN}).headers,
    ):
        assert headers["access-control-allow-origin"] == ORIGIN
        exposed = {name.strip() for name in headers["access-control-expose-headers"].split(",")}
        limit = {"RateLimit", "RateLimit-Policy", "Retry-After"}
        wanted = {"ETag", "Link", "Run-Id", "Replica-Age", "X-Request-Id", *limit}
        assert wanted <= exposed
        assert "access-control-allow-credentials" not in headers
    for path, status in (("/nowhere", 404), ("/healthz", 200), (f"{PATH}&nonsense=1", 400)):
        answer = api.get(path, headers={"Origin": ORIGIN})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, ORIGIN)


def test_caches_tell_origins_apart(shared_with: Served) -> None:
    for headers in ({}, {"Origin": ORIGIN}, {"Origin": OTHER}):
        assert "Origin" in shared_with.api.get(PATH, headers=headers).headers["vary"]
    with running(shared_with.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as wire:
        assert [wire.send(shared_with.request()).answer().headers["vary"] for _ in range(2)] == ["Origin"] * 2


@pytest.mark.parametrize(
    "origin", [OTHER, "null", "*", "https://app.example.org.evil.example", "http://app.example.org", ""]
)
def test_no_other_origin_may(shared_with: Served, origin: str) -> None:
    answer = shared_with.api.get(PATH, headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers
    refused = preflight(shared_with.api, origin or "x")
    assert refused.status_code == 400
    assert refused.json()["title"] == "Preflight refused"
    assert "access-control-allow-origin" not in refused.headers


def test_preflights_are_answered(shared_with: Served) -> None:
    answer = preflight(shared_with.api, ORIGIN, "GET", "authorization, if-none-match")
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert {name.strip() for name in answer.headers["access-control-allow-methods"].split(",")} == {
        "GET",
        "HEAD",
        "POST",
    }
    assert "authorization" in answer.headers["access-control-allow-headers"].lower()
    assert int(answer.headers["access-control-max-age"]) > 0
    assert preflight(shared_with.api, ORIGIN, "DELETE").status_code == 400
    assert preflight(shared_with.api, ORIGIN, "GET", "x-evil").status_code == 400


@pytest.mark.parametrize(
    "spelled", ["access_token=x", "a=b&access%5Ftoken=x", "%61ccess_token", "access_token="]
)
def test_a_token_in_a_url_is_refused_everywhere(api: Api, spelled: str) -> None:
    for path in (
        PATH.partition("?")[0],
        "/v1/runs",
        "/v1/nowhere",
        "/healthz",
        "/metrics",
        "/docs",
        "/nowhere",
    ):
        answer = api.get(f"{path}?{spelled}")
        assert answer.status_code == 400, path
        assert 'error="invalid_request"' in answer.headers["www-authenticate"]
        assert "never in the query" in answer.json()["detail"]
    for path in ("/oauth/token", "/oauth/revoke", "/oauth/introspect"):
        answer = api.request("POST", f"{path}?{spelled}", data={"a": "b"}, headers={"Authorization": None})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), path


def test_two_authorizations_are_refused_everywhere(served: Served) -> None:
    twice = f"Authorization: Bearer {served.api.token}"
    with running(served.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as wire:
        for path in (PATH, PATH, "/v1/runs", "/v1/runs/current"):
            answer = wire.send(served.request(path, twice)).answer()
            assert answer.status == 400
            assert "more than once" in answer.problem["detail"]
        form = ("Content-Type: application/x-www-form-urlencoded", "Content-Length: 0")
        basic = "Authorization: Basic YTpi"
        wire.send(request("/oauth/token", basic, basic, *form, method="POST"))
        assert json.loads(wire.answer().body)["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("APP_TRUSTED_PROXIES", "proxy.example"),
        ("APP_ALLOWED_HOSTS", "https://api.example.org"),
        ("APP_ALLOWED_HOSTS", "api.example.org:443"),
        ("APP_CORS_ORIGINS", "*"),
        ("APP_CORS_ORIGINS", "https://app.example.org/"),
        ("APP_CORS_ORIGINS", "null"),
        ("APP_TOKEN_RATE_LIMIT", "1/day"),
        ("APP_REDIS_URL", "http://localhost"),
        ("APP_REDIS_URL", "redis://localhost:port"),
    ],
)
def test_a_setting_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"^{name} is .*must be "):
        load_settings()
