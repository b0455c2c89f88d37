"""Around every request: an id, HEAD wherever GET works, metrics, a log line, an answer even to a failure."""

import itertools
import logging
import re
import secrets
import time
from collections.abc import Mapping, MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.ops.access_log import AccessLog
from app.ops.metrics import Metrics
from app.routers import sending
from app.routers.problems import unexpected
from app.routers.sending import HEAD, WHOLE

UNKNOWN_ROUTE = "unknown"
#: Methods that metrics tell apart; a client can make up any other.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: Stands for the status of a request whose client went away before there was one, as nginx logs it.
GONE = 499
#: Name in the state of a request, true once the server lost its client: nothing more is sent.
LOST = "lost"
_HEADER = b"x-request-id"
_SANE = re.compile(rb"[A-Za-z0-9._-]{1,128}")
log = logging.getLogger(__name__)


class Requests:
    """Outermost ASGI layer of the application."""

    def __init__(self, app: ASGIApp, metrics: Metrics, access_log: AccessLog | None) -> None:
        self._app = app
        self._metrics = metrics
        self._access_log = access_log
        self._in_flight = 0
        # Ids are unique, not secret: who counts, then the count.
        self._counter = secrets.token_hex(8)
        self._numbers = itertools.count()
        metrics.gauge("http_requests_in_flight", lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; lifespan events pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        self._in_flight += 1
        method = scope["method"]
        state = scope.setdefault("state", {})
        answer = _Answer(send, self._request_id(scope), state, without_body=method == "HEAD")
        state["request_id"] = answer.request_id
        if method == "HEAD":
            scope["state"][HEAD] = True
            scope = {**scope, "method": "GET"}
        try:
            await self._serve(scope, receive, answer)
        finally:
            self._in_flight -= 1
            self._ended(method, scope, answer, time.perf_counter() - started)

    def _request_id(self, scope: Scope) -> str:
        """Return the id that the client or a proxy gave where it is a sane one, else a new one."""
        for name, value in scope["headers"]:
            if name == _HEADER and _SANE.fullmatch(value):
                return str(value, "ascii")
        return f"{self._counter}{next(self._numbers):012x}"

    async def _serve(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            log.exception("request %s failed", answer.request_id)
            if answer.status is not None:
                raise
            await unexpected(scope)(scope, receive, answer.send)

    def _ended(self, method: str, scope: Scope, answer: "_Answer", seconds: float) -> None:
        path, status = route(scope), answer.status or GONE
        self._metrics.count(_label(method), path, status, seconds, answer.sent)
        if self._access_log is None:
            return
        state, client = scope["state"], scope["client"]
        self._access_log.write(
            answer.request_id,
            client[0] if client else None,
            state.get("client_id"),
            method,
            sending.path(scope),
            scope["query_string"],
            path,
            status,
            answer.sent,
            seconds,
            state.get("run_id"),
        )


class _Answer:
    """Passes an answer on, with the request id, and without body for HEAD."""

    def __init__(self, send: Send, request_id: str, state: Mapping[str, Any], without_body: bool) -> None:
        self.request_id = request_id
        self.status: int | None = None
        self.sent = 0
        self._send = send
        self._state = state
        self._without_body = without_body

    async def send(self, message: Message) -> None:
        """Send one ASGI message, if there is still somebody to take it."""
        if LOST in self._state:
            return
        if message["type"] == WHOLE:
            self.status, body = message["status"], b"" if self._without_body else message["body"]
            self.sent = len(body)
            head = b"%b%b: %b\r\n" % (message["head"], _HEADER, self.request_id.encode())
            message = {"type": WHOLE, "status": self.status, "head": head, "body": body}
        elif message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), (_HEADER, self.request_id.encode())]
            message = {"type": "http.response.start", "status": self.status, "headers": headers}
        elif self._without_body:
            message = {**message, "body": b""}
        else:
            self.sent += len(message.get("body", b""))
        await self._send(message)


def _label(method: str) -> str:
    return method if method in METHODS else "other"


def route(scope: MutableMapping[str, Any]) -> str:
    """Return the path template that answered, for metrics: paths that do not exist share one name."""
    found = scope.get("route")
    return getattr(found, "path", UNKNOWN_ROUTE)
