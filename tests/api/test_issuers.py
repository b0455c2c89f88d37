"""The API under tokens of a real OpenID provider: answers, logs, limits, readiness and metrics."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from app.auth import service
from app.auth.issuers import Issuers, Schedule
from app.main import close, create_app
from app.settings import Settings
from tests.api.conftest import FIRST
from tests.api.test_operations import scrape
from tests.api.test_serve import world_in
from tests.support.http import Api, authorized
from tests.support.provider import Provider, configured, providing
from tests.support.server import credentials, serving, token
from tests.support.waiting import wait_until

PATH = "/v1/aggregates/years"
QUICK = Schedule(refresh_s=0.3, cool_down_s=0.1, retry_s=0.1)
FAILING = ("trusted_issuers_failing", frozenset[tuple[str, str]]())


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    """A provider that a test may stop."""
    with providing(tmp_path) as started:
        yield started


@pytest.fixture
def api(tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """An application that trusts the provider, asked with a token of its own."""
    monkeypatch.setattr(service, "Issuers", partial(Issuers, schedule=QUICK))
    world_in(tmp_path)
    trusted = json.dumps([configured(provider, scopes={"catalog.read": ["marts:read"]})])
    settings = Settings(home=tmp_path, trusted_issuers=trusted, rate_limit="2/hour", access_log="off")
    app = create_app(settings)
    made = authorized(app)
    yield made
    made.runner.close()
    close(app)


def test_an_outage_of_the_provider_is_said_and_stops_nobody(api: Api, provider: Provider) -> None:
    def status() -> str:
        return str(api.get("/readyz").json()["issuers"][0]["status"])

    ours, theirs = api.token, provider.token(scope="catalog.read")
    ready = api.get("/readyz").json()
    (issuer,) = ready.pop("issuers")
    assert ready == {"status": "ready", "published": FIRST}
    assert issuer.pop("fetched_at").endswith("Z")
    assert issuer == {"issuer": provider.issuer, "status": "current", "keys": 2}
    assert scrape(api)[FAILING] == 0
    provider.stop()
    assert wait_until(lambda: status() == "stale")
    assert api.get("/readyz").status_code == 200
    assert scrape(api)[FAILING] == 1
    for api.token in (theirs, ours):
        assert api.get(PATH).status_code == 200


def test_a_mapped_scope_opens_what_it_stands_for(api: Api, provider: Provider) -> None:
    api.token = provider.token(scope="catalog.read runs:read")
    assert api.get(PATH).status_code == 200
    refused = api.get("/v1/runs")
    assert refused.status_code == 403
    assert 'scope="runs:read"' in refused.headers["www-authenticate"]


def test_each_client_of_theirs_has_a_limit_of_its_own(api: Api, provider: Provider) -> None:
    ours, theirs = api.token, provider.token(scope="catalog.read")
    api.token = theirs
    assert [api.get(PATH).status_code for _ in range(3)] == [200, 200, 429]
    api.token = ours
    assert [api.get(PATH).status_code for _ in range(3)] == [200, 200, 429]


def test_workers_know_the_provider_from_the_start(tmp_path: Path, provider: Provider) -> None:
    world_in(tmp_path)
    trusted = json.dumps([configured(provider)])
    with serving(tmp_path, "--workers", "2", APP_TRUSTED_ISSUERS=trusted) as server:
        bearer = {"Authorization": f"Bearer {provider.token()}"}
        limits = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(base_url=server.url, headers=bearer, limits=limits) as client:
            assert {client.get(PATH).status_code for _ in range(30)} == {200}
        ours = credentials(tmp_path)
        asked = {"token": bearer["Authorization"].removeprefix("Bearer ")}
        found = httpx.post(f"{server.url}/oauth/introspect", data=asked, auth=ours).json()
        refused = httpx.post(f"{server.url}/oauth/revoke", data=asked, auth=ours)
        assert token(server.url, ours)
    assert (found["active"], found["iss"], found["aud"]) == (True, provider.issuer, provider.audience)
    assert found["client_id"] == f"{provider.issuer}#reader"
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
    lines = [json.loads(line) for line in (tmp_path / "serve.log").read_text().splitlines() if line[0] == "{"]
    assert {line["client_id"] for line in lines if line["path"] == PATH} == {f"{provider.issuer}#reader"}


def test_a_provider_that_is_down_keeps_no_server_from_starting(tmp_path: Path, provider: Provider) -> None:
    provider.stop()
    with serving(tmp_path, APP_TRUSTED_ISSUERS=json.dumps([configured(provider)])) as server:
        (issuer,) = httpx.get(f"{server.url}/readyz").json()["issuers"]
        assert issuer == {"issuer": provider.issuer, "status": "unavailable", "keys": 0, "fetched_at": None}
        assert token(server.url, credentials(tmp_path))
    assert f"the keys of {provider.issuer} cannot be fetched" in (tmp_path / "serve.log").read_text()
