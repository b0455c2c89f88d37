"""Limits on the OAuth2 endpoints: per address before anything costs, per client once it is authenticated."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.auth import clients
from app.auth.clients import create_client
from app.auth.service import Auth
from app.main import close, create_app
from app.settings import Settings
from tests.support.http import Api, authorized

ENDPOINTS = ("/oauth/token", "/oauth/revoke", "/oauth/introspect")


class Service:
    """An application that lets each address ask five times an hour, seen from any address."""

    def __init__(self, home: Path, **settings: Any) -> None:
        chosen = {
            "token_rate_limit": "5/hour",
            "access_log": "off",
            "trusted_proxies": "127.0.0.1",
        } | settings
        self.app = create_app(Settings(home=home, _env_file=None, **chosen))
        self.auth: Auth = self.app.state.auth
        self.new = create_client(self.auth.engine, "test", ["marts:read"])
        self.api = Api(self.app)

    def post(self, path: str, address: str, secret: str | None = None, client_id: str = "") -> httpx.Response:
        """Ask with a wrong secret unless one is given."""
        asked_by = (client_id or self.new.client.client_id, secret or "mm_wrong")
        form = {"grant_type": "client_credentials", "token": "x"}
        return self.api.request("POST", path, headers={"X-Forwarded-For": address}, data=form, auth=asked_by)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    yield service
    service.api.runner.close()
    close(service.app)


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The secrets that were checked."""
    secrets: list[str] = []
    verify = clients._verify

    def noted(hashed: str, secret: str) -> bool:
        secrets.append(secret)
        return verify(hashed, secret)

    monkeypatch.setattr(clients, "_verify", noted)
    return secrets


@pytest.mark.parametrize("path", ENDPOINTS)
def test_failures_of_an_address_end_before_they_cost(service: Service, checked: list[str], path: str) -> None:
    answers = [service.post(path, "198.51.100.1") for _ in range(9)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 4
    assert len(checked) == 5
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/json"
    assert refused.headers["cache-control"] == "no-store"
    assert 0 < int(refused.headers["retry-after"]) <= 720
    assert refused.json().keys() == {"error", "error_description"}
    assert refused.json()["error"] == "temporarily_unavailable"
    assert "5/hour" in refused.json()["error_description"]


def test_the_endpoints_share_the_limit_of_an_address(service: Service) -> None:
    statuses = [service.post(path, "198.51.100.1").status_code for path in ENDPOINTS * 2]
    assert statuses == [401] * 5 + [429]


def test_the_owner_elsewhere_is_not_locked_out(service: Service) -> None:
    for number in range(20):
        service.post("/oauth/token", f"198.51.100.{number % 3}")
    assert service.post("/oauth/token", "203.0.113.1", service.new.secret).status_code == 200


def test_one_client_is_limited_wherever_it_asks_from(service: Service) -> None:
    answers = [
        service.post("/oauth/token", f"203.0.113.{number}", service.new.secret).status_code
        for number in range(7)
    ]
    assert answers == [200] * 5 + [429] * 2
    other = create_client(service.auth.engine, "other", ["marts:read"])
    answer = service.post("/oauth/token", "203.0.113.99", other.secret, other.client.client_id)
    assert answer.status_code == 200


def test_a_network_of_ipv6_is_one_address(service: Service) -> None:
    statuses = [service.post("/oauth/token", f"2001:db8:1:2::{number}").status_code for number in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    assert service.post("/oauth/token", "2001:db8:1:3::1").status_code == 401


def test_a_forged_address_is_not_believed(tmp_path: Path) -> None:
    service = Service(tmp_path, trusted_proxies="10.0.0.0/8")
    statuses = [service.post("/oauth/token", f"198.51.100.{number}").status_code for number in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    service.api.runner.close()
    close(service.app)


@pytest.mark.parametrize("off", [{"rate_limit": "off"}, {"token_rate_limit": "off"}])
def test_off_limits_nobody(tmp_path: Path, off: dict[str, str]) -> None:
    service = Service(tmp_path, **off)
    assert {service.post("/oauth/token", "198.51.100.1").status_code for _ in range(12)} == {401}
    service.api.runner.close()
    close(service.app)


def test_what_the_api_lets_a_client_ask_is_counted_by_itself(service: Service) -> None:
    api = authorized(service.app, runner=service.api.runner)
    assert [api.get("/v1/runs").status_code for _ in range(10)] == [200] * 10
