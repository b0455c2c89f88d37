"""Tokens: got once, renewed before they end and once after a 401, never shown."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import httpx
import pytest

from app.client import Client, Forbidden, Retry, TokenRefused, Unauthorized, UnexpectedAnswer
from app.client.credentials import ClientCredentials
from tests.client.conftest import FIRST
from tests.support.server import Server, credentials, token

SECRET = "s3cr+t/of us"
URL = "http://api.test"
PAGE = {"data": [], "meta": {"run_id": "r"}, "links": {"self": "/", "next": None}}


class Issuer:
    """Answers token requests with ``token-1``, ``token-2`` ..., and the API with what ``accept`` says."""

    def __init__(self, expires_in: object = 3600, accept: Callable[[str], bool] = lambda token: True) -> None:
        self.expires_in = expires_in
        self.accept = accept
        self.issued = 0
        self.used: list[str] = []
        self.credentials: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        authorization = request.headers["Authorization"]
        if request.url.path == "/oauth/token":
            self.issued += 1
            self.credentials.append(authorization)
            granted = {"access_token": f"token-{self.issued}", "token_type": "Bearer"}
            return httpx.Response(200, json={**granted, "expires_in": self.expires_in})
        used = authorization.removeprefix("Bearer ")
        self.used.append(used)
        if not self.accept(used):
            return httpx.Response(401, json={"status": 401, "title": "Unauthorized", "detail": "no"})
        return httpx.Response(200, json=PAGE)

    def client(self, **options: object) -> Client:
        known = {"client_id": "me", "client_secret": SECRET, "transport": httpx.MockTransport(self)}
        return Client(URL, **{**known, **options})  # type: ignore[arg-type] # options of any kind


def test_one_token_serves_many_requests() -> None:
    issuer = Issuer()
    with issuer.client() as marts:
        for _ in range(3):
            marts.years().rows()
    assert issuer.issued == 1
    assert issuer.used == ["token-1"] * 3


def test_threads_share_one_token_and_one_renewal() -> None:
    issuer = Issuer(accept=lambda token: token != "token-1")
    together = Barrier(8)

    def ask(_: int) -> list[object]:
        together.wait(timeout=30)
        return list(marts.years())

    with issuer.client() as marts, ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [[]] * 8
    assert issuer.issued == 2


def test_the_secret_is_form_encoded_within_basic() -> None:
    issuer = Issuer()
    issuer.client(client_id="m:e").years().rows()
    request = httpx.Request("GET", URL)
    # RFC 6749, section 2.3.1: both are form-encoded first; %3A is the colon within the id.
    expected = next(httpx.BasicAuth("m%3Ae", "s3cr%2Bt%2Fof+us").auth_flow(request)).headers["Authorization"]
    assert issuer.credentials == [expected]


@pytest.mark.parametrize(
    ("expires_in", "reused_until"),
    [(3600, 3600 - 60), (100, 90), ("soon", float("inf")), (None, float("inf"))],
)
def test_a_token_is_renewed_before_it_ends(expires_in: object, reused_until: float) -> None:
    issuer, now = Issuer(expires_in), [1000.0]
    auth = ClientCredentials(httpx.URL(f"{URL}/oauth/token"), "me", SECRET, clock=lambda: now[0])
    with httpx.Client(auth=auth, base_url=URL, transport=httpx.MockTransport(issuer)) as http:
        http.get("/v1/runs")
        now[0] += min(reused_until, 10**9) - 1
        http.get("/v1/runs")
        assert issuer.issued == 1
        now[0] += 2
        http.get("/v1/runs")
    assert issuer.issued == (1 if reused_until == float("inf") else 2)


def test_a_refused_token_is_renewed_once() -> None:
    issuer = Issuer(accept=lambda token: token != "token-1")
    assert issuer.client().years().rows() == []
    assert issuer.used == ["token-1", "token-2"]


def test_a_second_refusal_is_an_error() -> None:
    issuer = Issuer(accept=lambda token: False)
    with pytest.raises(Unauthorized, match="401 Unauthorized: no"):
        issuer.client().years().rows()
    assert issuer.used == ["token-1", "token-2"]


def test_a_ready_token_is_used_and_not_renewed() -> None:
    issuer = Issuer(accept=lambda token: token == "mine")
    ready = {"client_id": None, "client_secret": None}
    assert issuer.client(**ready, token="mine").years().rows() == []
    with pytest.raises(Unauthorized):
        issuer.client(**ready, token="other").years().rows()
    assert issuer.used == ["mine", "other"]
    assert issuer.issued == 0


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"client_id": "me"},
        {"client_secret": "s"},
        {"client_id": "me", "client_secret": "s", "token": "t"},
    ],
)
def test_there_is_one_way_to_be_let_in(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="client_id and client_secret, or a token"):
        Client(URL, **given)  # type: ignore[arg-type] # what mypy sees is not which are given


def test_wrong_credentials(server: Server, client_of_all: tuple[str, str]) -> None:
    marts = Client(server.url, client_id=client_of_all[0], client_secret="wrong")
    with marts, pytest.raises(TokenRefused) as caught:
        marts.years().rows()
    assert (caught.value.status, caught.value.error) == (401, "invalid_client")


def test_a_token_endpoint_that_is_none() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text="<html>")

    marts = Client(URL, client_id="me", client_secret=SECRET, transport=httpx.MockTransport(answer))
    with pytest.raises(UnexpectedAnswer, match="without a token"):
        marts.years().rows()


def test_a_revoked_token_is_renewed_by_a_real_server(server: Server, client_of_all: tuple[str, str]) -> None:
    client_id, secret = client_of_all
    with Client(server.url, client_id=client_id, client_secret=secret) as marts:
        assert marts.current_run()["run_id"] == FIRST
        used = marts._session.http.auth._token  # type: ignore[union-attr] # what no caller gets to see
        answer = httpx.post(f"{server.url}/oauth/revoke", data={"token": used}, auth=client_of_all)
        assert answer.status_code == 200
        assert (
            httpx.get(f"{server.url}/v1/runs", headers={"Authorization": f"Bearer {used}"}).status_code == 401
        )
        assert marts.current_run()["run_id"] == FIRST


def test_a_ready_token_of_a_real_server(home: Path, server: Server) -> None:
    ready = token(server.url, credentials(home, "marts:read"))
    with Client(server.url, token=ready) as marts:
        assert marts.years().run_id == FIRST
        with pytest.raises(Forbidden):
            marts.current_run()


def test_nothing_secret_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    issuer = Issuer(accept=lambda token: False)
    marts = issuer.client(retry=Retry(attempts=1))
    with pytest.raises(Unauthorized) as caught:
        marts.years().rows()
    shown = [caplog.text, repr(marts), repr(marts.years()), str(caught.value), repr(vars(caught.value))]
    shown.append(repr(marts._session.http.auth))
    assert caplog.text
    assert not [text for text in shown if SECRET in text or "token-" in text or issuer.credentials[0] in text]
