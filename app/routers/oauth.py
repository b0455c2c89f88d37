"""OAuth2 endpoints: token (RFC 6749), revoke (7009), introspect (7662), metadata (8414), keys (7517)."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from app.auth.addresses import limited
from app.auth.clients import Client
from app.auth.errors import OAuthError
from app.auth.metadata import (
    INTROSPECTION_PATH,
    JWKS_PATH,
    METADATA_PATH,
    REVOCATION_PATH,
    TOKEN_PATH,
    server_metadata,
)
from app.auth.oauth_request import FORM, MAX_BODY, read_credentials, read_form, required
from app.auth.quota import RateLimited
from app.auth.rate_limits import RateLimits
from app.auth.scopes import SCOPES
from app.auth.service import Auth
from app.routers import recording
from app.routers.responses import headers
from app.routers.schemas import errors
from app.serving.errors import Saturated

GRANT = "client_credentials"
#: Of the errors that RFC 6749 has the one that says: later (section 4.1.2.1).
TOO_MANY = "temporarily_unavailable"
#: Stands for the address of a request whose connection has none.
NOWHERE = "-"
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
PUBLIC = {"Cache-Control": "public, max-age=60"}
#: Secrets checked at once: each check takes some 25 ms of one core and 19 MiB, which the process keeps.
_checks = CapacityLimiter(2)
#: So many more may wait for theirs, a second or so; a queue without end would let anybody stop everybody.
WAITING = 64


class TokenAnswer(BaseModel):
    """A token (RFC 6749, section 5.1)."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - a type
    expires_in: int
    scope: str


class ErrorAnswer(BaseModel):
    """An error (RFC 6749, section 5.2)."""

    error: str
    error_description: str


class IntrospectionAnswer(BaseModel):
    """What a token says (RFC 7662, section 2.2); only ``active`` where it is not valid."""

    active: bool
    scope: str | None = None
    client_id: str | None = None
    token_type: str | None = None
    exp: int | None = None
    iat: int | None = None
    sub: str | None = None
    aud: str | None = None
    iss: str | None = None
    jti: str | None = None


class ServerMetadata(BaseModel):
    """Where the endpoints are and what they can do (RFC 8414, section 2)."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint: str
    revocation_endpoint_auth_methods_supported: list[str]
    introspection_endpoint: str
    introspection_endpoint_auth_methods_supported: list[str]


class PublicKey(BaseModel):
    """A public key: ``x`` and ``y`` of one on ``crv``, or ``n`` and ``e`` (RFC 7518, section 6)."""

    kty: Literal["EC", "RSA"]
    kid: str
    alg: Literal["ES256", "RS256"]
    use: Literal["sig"]
    crv: str = Field(default_factory=str)
    x: str = Field(default_factory=str)
    y: str = Field(default_factory=str)
    n: str = Field(default_factory=str)
    e: str = Field(default_factory=str)


class KeySet(BaseModel):
    """Public keys (RFC 7517, section 5)."""

    keys: list[PublicKey]


class OAuthRoute(APIRoute):
    """A route whose errors and caching rules are those of OAuth2, not of the rest of the API."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Answer ``OAuthError`` as RFC 6749 says, and let nobody store an answer."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                response = await handle(request)
            except OAuthError as error:
                recording.refused(request, error.error, error.message)
                response = JSONResponse(error.body, error.status, dict(error.headers))
            except RateLimited as error:
                recording.refused(request, TOO_MANY, error.message)
                body = ErrorAnswer(error=TOO_MANY, error_description=str(error))
                wait = {"Retry-After": str(error.retry_after_s)}
                response = JSONResponse(body.model_dump(), 429, wait)
            response.headers.update(NO_STORE)
            return response

        return answer


@dataclass(frozen=True)
class ClientRequest:
    """A request whose client proved who it is."""

    request: Request
    auth: Auth
    client: Client
    form: dict[str, str]


async def client_request(request: Request) -> ClientRequest:
    """Read the form and authenticate the client, outside the event loop.

    Raises:
        RateLimited: its address asked too much lately, before anything else is looked at; or the client did.
    """
    auth: Auth = request.app.state.auth
    limits: RateLimits = request.app.state.limits
    await limits.addresses.ask(limited(recording.asker(request) or NOWHERE))
    content_type = request.headers.get("content-type", "")
    form = read_form(content_type, await _body(request), request.query_params)
    credentials = read_credentials(request.headers.getlist("authorization"), form)
    state = request.scope.setdefault("state", {})
    state[recording.GIVEN] = credentials.client_id
    if _checks.statistics().tasks_waiting >= WAITING:
        raise Saturated(f"{WAITING} clients wait for their secret to be checked", "ask again later")
    async with _checks:
        client = await run_sync(auth.authenticate, credentials.client_id, credentials.secret)
    state["client_id"] = client.client_id
    await limits.authenticated.ask(client.client_id)
    return ClientRequest(request, auth, client, form)


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise OAuthError("invalid_request", f"the body is longer than {MAX_BODY} bytes")
    return body


def _form(required_fields: list[str], **fields: dict[str, Any]) -> dict[str, Any]:
    credentials = {"client_id": {"type": "string"}, "client_secret": {"type": "string", "format": "password"}}
    schema = {"type": "object", "required": required_fields, "properties": {**fields, **credentials}}
    return {"requestBody": {"required": True, "content": {FORM: {"schema": schema}}}}


Authenticated = Annotated[ClientRequest, Depends(client_request)]
TOKEN_FIELD = {"type": "string", "description": "The access token."}
TOKEN_FORM = _form(["token"], token=TOKEN_FIELD, token_type_hint={"type": "string"})
_CHALLENGE = headers("WWW-Authenticate")
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorAnswer, "description": "The request is not acceptable."},
    401: {"model": ErrorAnswer, "description": "The client is not who it says.", "headers": _CHALLENGE},
    429: {
        "model": ErrorAnswer,
        "description": "The address, or the client, is over its limit.",
        "headers": headers("Retry-After"),
    },
    **errors(503),
}

endpoints = APIRouter(tags=["oauth"], route_class=OAuthRoute, responses=ERRORS)
documents = APIRouter(tags=["oauth"])


@endpoints.post(
    TOKEN_PATH,
    summary="Get an access token",
    response_model=TokenAnswer,
    openapi_extra=_form(
        ["grant_type"],
        grant_type={"type": "string", "enum": [GRANT]},
        scope={"type": "string", "description": f"Default: all the client's. Of: {', '.join(SCOPES)}"},
    ),
)
async def token(asked: Authenticated) -> JSONResponse:
    """Client credentials by HTTP Basic or in the form; without ``scope`` the token has all the client's."""
    if required(asked.form, "grant_type") != GRANT:
        raise OAuthError("unsupported_grant_type", f"the grant type must be {GRANT}")
    issued = await run_sync(asked.auth.issue, asked.client, asked.form.get("scope"))
    scope = " ".join(issued.scopes)
    await recording.granted(
        asked.request, "token.issued", jti=issued.jti, scopes=issued.scopes, expires_in=issued.expires_in
    )
    answer = TokenAnswer(access_token=issued.access_token, expires_in=issued.expires_in, scope=scope)
    return JSONResponse(answer.model_dump())


@endpoints.post(REVOCATION_PATH, summary="Revoke a token", response_class=Response, openapi_extra=TOKEN_FORM)
async def revoke(asked: Authenticated) -> Response:
    """End one of the client's own tokens. A token that is not valid is revoked already: 200 too."""
    revoked = await run_sync(asked.auth.revoke, asked.client, required(asked.form, "token"))
    if revoked is not None:
        await recording.granted(asked.request, "token.revoked", jti=revoked.jti)
    return Response()


@endpoints.post(
    INTROSPECTION_PATH,
    summary="Ask what a token is",
    response_model=IntrospectionAnswer,
    openapi_extra=TOKEN_FORM,
)
async def introspect(asked: Authenticated) -> JSONResponse:
    """Describe a token to any client that holds it."""
    found = asked.auth.introspect(required(asked.form, "token"))
    seen = {"active": found["active"], "jti": found.get("jti"), "owner": found.get("client_id")}
    await recording.granted(asked.request, "token.introspected", **seen)
    return JSONResponse(found)


@documents.get(METADATA_PATH, summary="Authorization server metadata", response_model=ServerMetadata)
async def metadata(request: Request) -> JSONResponse:
    """Say where the endpoints are and what they can do (RFC 8414)."""
    auth: Auth = request.app.state.auth
    return JSONResponse(server_metadata(auth.settings.issuer), headers=PUBLIC)


@documents.get(JWKS_PATH, summary="Public keys", response_model=KeySet)
async def jwks(request: Request) -> JSONResponse:
    """Show the keys that verify tokens now (RFC 7517)."""
    auth: Auth = request.app.state.auth
    return JSONResponse(auth.jwks(), headers=PUBLIC)


router = APIRouter()
router.include_router(endpoints)
router.include_router(documents)
