"""What is checked of every request before it is answered: its host, its query, the page it comes from."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth.bearer import credentials
from app.auth.errors import InvalidRequest
from app.routers.problems import answer_to, problem
from app.routers.refusals import REFUSAL
from app.routers.requests import Layer
from app.serving.answer import Answer

#: Answered whatever host they are asked for: probes know an address and no name, and the answers no link.
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
OAUTH = "/oauth/"
METHODS = ("GET", "HEAD", "POST")
#: Beside those that any page may send (Fetch, CORS-safelisted request-headers).
ALLOWED = ("Authorization", "Content-Type", "If-None-Match", "X-Request-Id")
#: What a page may read of an answer, beside what any may.
EXPOSED = (
    "ETag",
    "Link",
    "RateLimit",
    "RateLimit-Policy",
    "Replica-Age",
    "Retry-After",
    "Run-Id",
    "WWW-Authenticate",
    "X-Request-Id",
)
PREFLIGHT_S = 600


class Guard:
    """ASGI layer around the application. Hosts and origins cost something only where some are named."""

    def __init__(self, app: Layer, hosts: Sequence[str] = (), origins: Sequence[str] = ()) -> None:
        self._app = app
        self._entrance: ASGIApp = _Cors(self._checked, origins) if origins else self._checked
        self._hosts = frozenset(host.lower() for host in hosts if not host.startswith("*"))
        self._below = tuple(host[1:].lower() for host in hosts if host.startswith("*"))
        self._named, self._shared = bool(hosts), bool(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        if self._named and _asks(scope) and scope["path"] not in PROBES and not self._is_ours(scope):
            refused = problem(scope, 421, "This server does not answer for the host of the request.")
            await refused(scope, receive, send)
        else:
            await self._entrance(scope, receive, send)

    def at_once(self, scope: Scope) -> Answer | None:
        """Return what is finished for a request that comes from no page of another origin."""
        if self._named and not self._is_ours(scope):
            return None
        if self._shared and any(name == b"origin" for name, _ in scope["headers"]):
            return None
        return self._app.at_once(scope)

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on without a token in its query; under ``/oauth/`` it is refused as OAuth2 says."""
        if _asks(scope) and not scope["path"].startswith(OAUTH):
            try:
                credentials((), scope["query_string"])
            except InvalidRequest as error:
                await answer_to(scope, error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1:
            return False
        name = _without_port(hosts[0].decode("latin-1").lower())
        return name in self._hosts or name.endswith(self._below)


def _asks(scope: Scope) -> bool:
    """Say whether this is a request that the server has not refused already."""
    return scope["type"] == "http" and REFUSAL not in scope["state"]


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isascii() and port.isdigit() else host


class _Cors(CORSMiddleware):
    """Starlette's, for exact origins and bearer tokens: no cookies, and its refusals in our one shape."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=ALLOWED,
            expose_headers=EXPOSED,
            max_age=PREFLIGHT_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or pass the request on."""
        headers = Headers(scope=scope) if scope.get("method") == "OPTIONS" else {}
        if "origin" in headers and "access-control-request-method" in headers:
            answer = self.preflight_response(Headers(scope=scope))
            if answer.status_code != 200:
                answer = problem(scope, 400, bytes(answer.body).decode(), "Preflight refused")
            await answer(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
