"""The OAuth2 endpoints over HTTP: RFC 6749, 7009, 7662, 8414 and 7517, to the letter."""

import asyncio
import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
import pytest
from fastapi import FastAPI

from app.auth import clients
from app.auth.clients import Client, create_client, revoke_client
from app.auth.rate_limits import RateLimits
from app.auth.service import Auth
from app.ops.audit import Audit
from app.routers import oauth, problems
from app.routers.origin import peer
from app.settings import Settings

FORM = "application/x-www-form-urlencoded"
GRANT = {"grant_type": "client_credentials"}


@dataclass(frozen=True)
class Service:
    """The OAuth2 router in an app of its own, and a client that has both scopes."""

    app: FastAPI
    auth: Auth
    client: Client
    secret: str

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send one request."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, **request)

        return asyncio.run(send())

    def post(self, path: str, form: dict[str, str], **request: Any) -> httpx.Response:
        """Post a form as the client, authenticated by HTTP Basic where nothing else is said."""
        return self.send("POST", path, data=form, **{"auth": (self.client.client_id, self.secret), **request})

    def token(self, form: dict[str, str] | None = None, **request: Any) -> httpx.Response:
        """Ask for a token."""
        return self.post("/oauth/token", {**GRANT, **(form or {})}, **request)

    @property
    def in_form(self) -> dict[str, str]:
        """The client's credentials as form fields."""
        return {"client_id": self.client.client_id, "client_secret": self.secret}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests; what they revoke is their own."""
    home: Path = tmp_path_factory.mktemp("home")
    settings = Settings(
        home=home, issuer="https://marts.example/base", audience="movie-marts", rate_limit="off"
    )
    auth = Auth.open(settings)
    app = FastAPI()
    app.state.auth, app.state.limits = auth, RateLimits.open(settings, dict)
    app.state.client_address, app.state.audit = peer, Audit(None)
    app.include_router(oauth.router)
    problems.install(app)
    new = create_client(auth.engine, "demo", ["marts:read", "runs:read"])
    yield Service(app, auth, new.client, new.secret)
    auth.close()


def assert_uncached(answer: httpx.Response) -> None:
    """RFC 6749, section 5.1: nobody stores an answer that may hold a token."""
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"


def assert_error(answer: httpx.Response, error: str, status: int = 400) -> str:
    """RFC 6749, section 5.2; returns the description."""
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.headers["content-type"] == "application/json"
    assert_uncached(answer)
    challenge = answer.headers.get("www-authenticate")
    assert challenge == ('Basic realm="movie-marts", charset="UTF-8"' if status == 401 else None)
    description: str = answer.json()["error_description"]
    assert all(" " <= char <= "~" and char not in '"\\' for char in description)
    return description


def assert_granted(service: Service, answer: httpx.Response, scope: str = "marts:read runs:read") -> str:
    """RFC 6749, section 5.1; returns the token."""
    assert answer.status_code == 200, answer.text
    document = answer.json()
    token: str = document.pop("access_token")
    assert document == {"token_type": "Bearer", "expires_in": 3600, "scope": scope}
    assert_uncached(answer)
    assert service.auth.verifier.verify(token).scopes == set(scope.split())
    return token


def test_a_client_gets_a_token_by_http_basic(service: Service) -> None:
    assert_granted(service, service.token())


def test_a_client_gets_a_token_by_form(service: Service) -> None:
    assert_granted(service, service.token(service.in_form, auth=None))


def test_basic_credentials_are_form_encoded_first(service: Service) -> None:
    """RFC 6749, section 2.3.1, even where every character is escaped."""
    escaped = ["".join(f"%{byte:02X}" for byte in part.encode()) for part in service.in_form.values()]
    assert_granted(service, service.token(auth=(escaped[0], escaped[1])))


def test_a_client_may_repeat_its_id_in_the_form(service: Service) -> None:
    assert_granted(service, service.token({"client_id": service.client.client_id}))


@pytest.mark.parametrize("scope", ["marts:read", "runs:read", "marts:read runs:read"])
def test_a_client_gets_the_scopes_it_asks_for(service: Service, scope: str) -> None:
    assert_granted(service, service.token({"scope": scope}), scope)


def test_an_empty_parameter_counts_as_absent(service: Service) -> None:
    assert_granted(service, service.token({"scope": "", "client_secret": ""}))


def test_unknown_parameters_are_ignored(service: Service) -> None:
    assert_granted(service, service.token({"resource": "https://x.example", "audience": "y"}))


@pytest.mark.parametrize("content_type", [f"{FORM}; charset=UTF-8", FORM.upper()])
def test_the_content_type_may_have_parameters(service: Service, content_type: str) -> None:
    content = urlencode(GRANT)
    auth = (service.client.client_id, service.secret)
    headers = {"Content-Type": content_type}
    answer = service.send("POST", "/oauth/token", content=content, headers=headers, auth=auth)
    assert_granted(service, answer)


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", f"x{FORM}", ""]
)
def test_any_other_content_type_is_refused(service: Service, path: str, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    content = urlencode({**GRANT, **service.in_form, "token": "x"})
    answer = service.send("POST", path, content=content, headers=headers)
    assert "content type" in assert_error(answer, "invalid_request")


@pytest.mark.parametrize(
    "scope", ["marts:write", "marts:read marts:write", "marts:read  runs:read", " ", "MARTS:READ", 'a"b', "é"]
)
def test_a_scope_that_the_client_lacks_is_invalid(service: Service, scope: str) -> None:
    assert_error(service.token({"scope": scope}), "invalid_scope")


def test_a_scope_of_another_client_is_invalid(service: Service) -> None:
    less = create_client(service.auth.engine, "less", ["marts:read"])
    auth = (less.client.client_id, less.secret)
    assert_granted(service, service.token(auth=auth), "marts:read")
    assert_error(service.token({"scope": "runs:read"}, auth=auth), "invalid_scope")


@pytest.mark.parametrize(
    "grant", ["password", "authorization_code", "refresh_token", "CLIENT_CREDENTIALS", "urn:x"]
)
def test_other_grants_are_unsupported(service: Service, grant: str) -> None:
    assert_error(service.token({"grant_type": grant}), "unsupported_grant_type")


@pytest.mark.parametrize("form", [{"scope": "marts:read"}, {"grant_type": ""}])
def test_the_grant_type_is_required(service: Service, form: dict[str, str]) -> None:
    assert "grant_type" in assert_error(service.post("/oauth/token", form), "invalid_request")


def _wrong_credentials(service: Service) -> dict[str, dict[str, Any]]:
    client_id, secret = service.client.client_id, service.secret
    revoked = create_client(service.auth.engine, "revoked", ["marts:read"])
    revoke_client(service.auth.engine, revoked.client.client_id)
    return {
        "wrong secret": {"auth": (client_id, secret[:-1] + "!")},
        "secret of nobody": {"auth": ("0" * 24, secret)},
        "revoked": {"auth": (revoked.client.client_id, revoked.secret)},
        "wrong secret in form": {"auth": None, "form": {"client_id": client_id, "client_secret": "x"}},
        "no credentials": {"auth": None},
        "id alone": {"auth": None, "form": {"client_id": client_id}},
        "secret alone": {"auth": None, "form": {"client_secret": secret}},
        "another scheme": _header("Bearer " + b64encode(f"{client_id}:{secret}".encode()).decode()),
        "scheme alone": _header("Basic "),
        "digest": _header("Digest username=x"),
        "empty basic": _header("Basic"),
        "not base64": _header("Basic !!!"),
        "not UTF-8": _header("Basic " + b64encode(b"\xff:\xff").decode()),
        "escapes that are not UTF-8": _header("Basic " + b64encode(b"%ff:%ff").decode()),
        "no colon": _header("Basic " + b64encode(client_id.encode()).decode()),
        "control characters": {"auth": ("\0", "\0")},
    }


def _header(value: str) -> dict[str, Any]:
    return {"auth": None, "headers": {"Authorization": value}}


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
@pytest.mark.parametrize(
    "name",
    [
        "wrong secret",
        "secret of nobody",
        "revoked",
        "wrong secret in form",
        "no credentials",
        "id alone",
        "secret alone",
        "another scheme",
        "scheme alone",
        "digest",
        "empty basic",
        "not base64",
        "not UTF-8",
        "escapes that are not UTF-8",
        "no colon",
        "control characters",
    ],
)
def test_a_client_that_proves_nothing_is_invalid(service: Service, path: str, name: str) -> None:
    request = _wrong_credentials(service)[name]
    form = {**GRANT, "token": "x", **request.pop("form", {})}
    assert_error(service.post(path, form, **request), "invalid_client", 401)


def test_the_refusal_does_not_say_whether_the_client_exists(service: Service) -> None:
    wrong = _wrong_credentials(service)
    bodies = {service.token(**wrong[name]).text for name in ("wrong secret", "secret of nobody", "revoked")}
    assert len(bodies) == 1


@pytest.mark.parametrize("form", [{"client_secret": "x"}, {"client_id": "0" * 24}])
def test_two_ways_to_authenticate_are_one_too_many(service: Service, form: dict[str, str]) -> None:
    assert_error(service.token(form), "invalid_request")


def test_the_same_credentials_by_both_ways_are_refused(service: Service) -> None:
    assert_error(service.token(service.in_form), "invalid_request")


def test_two_authorization_headers_are_refused(service: Service) -> None:
    pair = ":".join(map(quote_plus, service.in_form.values()))
    header = ("Authorization", "Basic " + b64encode(pair.encode()).decode())
    assert_granted(service, service.token(auth=None, headers=[header]))
    assert_error(service.token(auth=None, headers=[header, header]), "invalid_request")


@pytest.mark.parametrize("parameter", ["grant_type", "scope", "client_id", "unknown"])
def test_a_repeated_parameter_is_refused(service: Service, parameter: str) -> None:
    once = {**GRANT, **service.in_form, "scope": "marts:read", "unknown": "x"}
    content = urlencode([*once.items(), (parameter, once[parameter])])
    answer = service.send("POST", "/oauth/token", content=content, headers={"Content-Type": FORM})
    assert "more than once" in assert_error(answer, "invalid_request")


@pytest.mark.parametrize(
    "parameter", ["client_secret", "client_id", "grant_type", "scope", "token", "token_type_hint"]
)
def test_parameters_in_the_url_are_refused(service: Service, parameter: str) -> None:
    assert_granted(service, service.token(params={"unknown": "x"}))
    assert "never in the URL" in assert_error(service.token(params={parameter: "x"}), "invalid_request")


@pytest.mark.parametrize(
    "content",
    [
        b"grant_type=client_credentials&x=\xff",
        b"grant_type=client_credentials&x=%ff",
        b"&".join(b"x%d=1" % number for number in range(100)),
    ],
)
def test_a_body_that_is_no_small_form_is_refused(service: Service, content: bytes) -> None:
    auth = (service.client.client_id, service.secret)
    answer = service.send("POST", "/oauth/token", content=content, headers={"Content-Type": FORM}, auth=auth)
    assert "not a form" in assert_error(answer, "invalid_request")


@pytest.mark.parametrize("length", [8192, 1_000_000])
def test_a_long_body_is_refused(service: Service, length: int) -> None:
    assert "longer than" in assert_error(service.token({"x": "x" * length}), "invalid_request")


def test_a_long_body_is_not_even_read_to_its_end(service: Service) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while True:
            sent += 1000
            yield b"x" * 1000

    assert_error(
        service.send("POST", "/oauth/token", content=endless(), headers={"Content-Type": FORM}),
        "invalid_request",
    )
    assert sent < 12_000


def test_checking_a_secret_leaves_the_event_loop_free(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    check: Callable[..., Client | None] = clients.authenticate

    def noting(*arguments: Any) -> Client | None:
        threads.append(threading.get_ident())
        return check(*arguments)

    monkeypatch.setattr(clients, "authenticate", noting)
    assert_granted(service, service.token())
    assert threads
    assert threading.get_ident() not in threads


def test_more_clients_than_can_be_checked_soon_are_turned_away(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, free = 10, threading.Event()
    check: Callable[..., Client | None] = clients.authenticate

    def slow(*arguments: Any) -> Client | None:
        free.wait()
        return check(*arguments)

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            form = {**GRANT, **service.in_form}
            tasks = [asyncio.create_task(client.post("/oauth/token", data=form)) for _ in range(asked)]
            try:
                await asyncio.wait(tasks, timeout=5, return_when=asyncio.FIRST_COMPLETED)
            finally:
                free.set()
            return await asyncio.gather(*tasks)

    monkeypatch.setattr(clients, "authenticate", slow)
    monkeypatch.setattr(oauth, "WAITING", 3)
    answers = asyncio.run(ask())
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) == asked - int(oauth._checks.total_tokens) - 3
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    assert {answer.status_code for answer in answers} == {200, 503}


def test_a_client_revokes_its_token(service: Service) -> None:
    token, other = (assert_granted(service, service.token()) for _ in range(2))
    answer = service.post("/oauth/revoke", {"token": token, "token_type_hint": "access_token"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert_uncached(answer)
    assert service.post("/oauth/introspect", {"token": token}).json() == {"active": False}
    assert service.post("/oauth/introspect", {"token": other}).json()["active"] is True
    assert service.post("/oauth/revoke", {"token": token}).status_code == 200, "again is no error"


def test_revoking_nonsense_is_no_error(service: Service) -> None:
    answer = service.post("/oauth/revoke", {"token": "nonsense", "token_type_hint": "whatever"})
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_client_cannot_revoke_anothers_token(service: Service) -> None:
    token = assert_granted(service, service.token())
    other = create_client(service.auth.engine, "other", ["marts:read"])
    answer = service.post("/oauth/revoke", {"token": token}, auth=(other.client.client_id, other.secret))
    assert_error(answer, "unauthorized_client")
    assert service.auth.introspect(token)["active"] is True


@pytest.mark.parametrize("path", ["/oauth/revoke", "/oauth/introspect"])
def test_the_token_is_required(service: Service, path: str) -> None:
    assert "token" in assert_error(service.post(path, GRANT), "invalid_request")


def test_introspection_describes_a_token(service: Service) -> None:
    token = assert_granted(service, service.token({"scope": "marts:read"}), "marts:read")
    answer = service.post("/oauth/introspect", {"token": token})
    document = answer.json()
    assert_uncached(answer)
    assert document.pop("exp") - document.pop("iat") == 3600
    assert len(document.pop("jti")) == 22
    assert document == {
        "active": True,
        "scope": "marts:read",
        "client_id": service.client.client_id,
        "token_type": "Bearer",
        "sub": service.client.client_id,
        "aud": "movie-marts",
        "iss": "https://marts.example/base",
    }


def test_the_metadata_says_where_everything_is(service: Service) -> None:
    answer = service.send("GET", "/.well-known/oauth-authorization-server")
    methods = ["client_secret_basic", "client_secret_post"]
    assert answer.json() == {
        "issuer": "https://marts.example/base",
        "token_endpoint": "https://marts.example/base/oauth/token",
        "jwks_uri": "https://marts.example/base/.well-known/jwks.json",
        "revocation_endpoint": "https://marts.example/base/oauth/revoke",
        "introspection_endpoint": "https://marts.example/base/oauth/introspect",
        "scopes_supported": ["marts:read", "runs:read"],
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": methods,
    }
    assert answer.headers["cache-control"] == "public, max-age=60"


def test_the_keys_are_public_and_only_that(service: Service) -> None:
    answer = service.send("GET", "/.well-known/jwks.json")
    (key,) = answer.json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert answer.headers["cache-control"] == "public, max-age=60"


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
def test_openapi_documents_the_form(service: Service, path: str) -> None:
    operation = json.loads(service.send("GET", "/openapi.json").text)["paths"][path]["post"]
    schema = operation["requestBody"]["content"][FORM]["schema"]
    assert {"client_id", "client_secret"} < set(schema["properties"])
    assert schema["required"] == (["grant_type"] if path == "/oauth/token" else ["token"])
    assert {"200", "400", "401"} <= set(operation["responses"])
    assert "422" not in operation["responses"]
