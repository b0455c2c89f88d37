"""Bearer tokens in requests (RFC 6750): framework-free, and as the FastAPI dependency."""

import asyncio
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse

from app.auth.bearer import bearer_token, credentials
from app.auth.claims import VerifiedClaims
from app.auth.clients import create_client
from app.auth.errors import BearerError, InvalidRequest, InvalidToken, Unauthorized
from app.auth.gate import Gate
from app.auth.limits import Limits
from app.auth.service import Auth
from app.routers.security import require


def token_of(values: list[str], query: bytes) -> str:
    return bearer_token(credentials([value.encode() for value in values], query))


@pytest.mark.parametrize("value", ["Bearer abc", "bearer abc", "BEARER abc", "Bearer   abc", "Bearer abc "])
def test_the_token_follows_the_scheme(value: str) -> None:
    assert token_of([value], b"") == "abc"


@pytest.mark.parametrize(
    "values", [[], [""], ["abc"], ["Basic YTpi"], ["Bearer\tabc"], ["Digest x"], ["Bearerabc"]]
)
def test_without_a_bearer_token_there_is_no_error_code(values: list[str]) -> None:
    with pytest.raises(Unauthorized) as caught:
        token_of(values, b"")
    assert caught.value.status == 401
    assert caught.value.title == "Unauthorized"
    assert caught.value.detail == "a bearer token is required"
    assert caught.value.headers == {"WWW-Authenticate": 'Bearer realm="movie-marts"'}


@pytest.mark.parametrize(
    "values", [["Bearer abc", "Bearer abc"], ["Bearer abc", "Basic YTpi"], ["", "Bearer abc"]]
)
def test_two_headers_are_one_too_many(values: list[str]) -> None:
    with pytest.raises(InvalidRequest, match="more than once") as caught:
        token_of(values, b"")
    assert (caught.value.status, caught.value.title) == (400, "Bad Request")
    assert caught.value.headers["WWW-Authenticate"] == (
        'Bearer realm="movie-marts", error="invalid_request", '
        'error_description="the Authorization header occurs more than once"'
    )


@pytest.mark.parametrize(
    "query", [b"access_token=abc", b"a=b&access_token", b"access%5Ftoken=abc", b"%61ccess_token=x&a=b"]
)
@pytest.mark.parametrize("values", [[], ["Bearer abc"]])
def test_a_token_in_the_query_is_refused(values: list[str], query: bytes) -> None:
    with pytest.raises(InvalidRequest, match="never in the query"):
        token_of(values, query)


@pytest.mark.parametrize(
    "query", [b"search=access_token", b"access_token_=x", b"a=%61ccess_token", b"access"]
)
def test_the_word_alone_is_no_token(query: bytes) -> None:
    assert token_of(["Bearer abc"], query) == "abc"


@pytest.mark.parametrize("value", ["Bearer", "Bearer "])
def test_an_empty_token_is_a_token_that_nothing_accepts(value: str, auth: Auth) -> None:
    assert token_of([value], b"") == ""
    with pytest.raises(InvalidToken, match="malformed"):
        auth.verifier.verify("")


def _app(auth: Auth) -> FastAPI:
    app = FastAPI()
    app.state.gate = Gate(auth.verifier, Limits())

    @app.exception_handler(BearerError)
    async def answer(_: Request, error: BearerError) -> JSONResponse:
        return JSONResponse({"detail": error.detail}, error.status, dict(error.headers))

    @app.get("/v1/marts")
    async def marts(claims: Annotated[VerifiedClaims, Depends(require("marts:read"))]) -> str:
        return claims.client_id

    @app.get("/v1/runs")
    async def runs(claims: Annotated[VerifiedClaims, Depends(require("runs:read"))]) -> str:
        return claims.client_id

    return app


def call(app: FastAPI, path: str, headers: list[tuple[str, str]]) -> httpx.Response:
    """Send one request to the app."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(send())


def _token(auth: Auth, scopes: list[str]) -> tuple[str, tuple[str, str]]:
    client = create_client(auth.engine, "demo", scopes).client
    return client.client_id, ("Authorization", f"Bearer {auth.issue(client).access_token}")


def test_a_request_with_the_scope_passes(auth: Auth) -> None:
    client_id, header = _token(auth, ["marts:read"])
    answer = call(_app(auth), "/v1/marts", [header])
    assert (answer.status_code, answer.json()) == (200, client_id)


def test_a_request_without_the_scope_is_forbidden(auth: Auth) -> None:
    _, header = _token(auth, ["marts:read"])
    answer = call(_app(auth), "/v1/runs", [header])
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="movie-marts", error="insufficient_scope", '
        'error_description="the token lacks the scope runs:read", scope="runs:read"'
    )


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/marts", [], 401),
        ("/v1/marts", [("Authorization", "Bearer x.y.z")], 401),
        ("/v1/marts", [(b"Authorization", b"Bearer \xe9")], 401),
        ("/v1/marts?access_token=x", [], 400),
        ("/v1/marts?access%5Ftoken=x", [], 400),
        ("/v1/marts", [("Authorization", "Bearer x"), ("authorization", "Bearer x")], 400),
    ],
)
def test_other_requests_are_refused(auth: Auth, path: str, headers: Any, status: int) -> None:
    answer = call(_app(auth), path, headers)
    assert answer.status_code == status
    assert answer.headers["www-authenticate"].startswith('Bearer realm="movie-marts"')


def test_a_good_token_twice_or_in_the_query_too_is_refused(auth: Auth) -> None:
    _, header = _token(auth, ["marts:read"])
    app = _app(auth)
    assert call(app, "/v1/marts", [header]).status_code == 200
    assert call(app, "/v1/marts", [header, header]).status_code == 400
    assert call(app, f"/v1/marts?access_token={header[1][7:]}", [header]).status_code == 400


def test_openapi_documents_the_scheme_and_the_scope_of_each_path(auth: Auth) -> None:
    document = _app(auth).openapi()
    assert document["components"]["securitySchemes"]["OAuth2"]["flows"] == {
        "clientCredentials": {
            "tokenUrl": "/oauth/token",
            "scopes": {
                "marts:read": "Read aggregates, rankings and dimensions.",
                "runs:read": "Read runs, their reports and their changes.",
            },
        }
    }
    assert document["paths"]["/v1/marts"]["get"]["security"] == [{"OAuth2": ["marts:read"]}]
    assert document["paths"]["/v1/runs"]["get"]["security"] == [{"OAuth2": ["runs:read"]}]
