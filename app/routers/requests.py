"""Around every request: an id, HEAD wherever GET works, metrics, a log line, an answer even to a failure."""

import itertools
import logging
import secrets
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, Protocol

from starlette.types import Message, Receive, Scope, Send

from app.auth.errors import BearerError
from app.auth.quota import STANDING, Standing
from app.ops.access_log import AccessLog
from app.ops.audit import Audit
from app.ops.metrics import Metrics
from app.routers.head import REQUEST_ID, path, read_head
from app.routers.origin import ClientAddress, peer
from app.routers.problems import REFUSED, unexpected
from app.routers.protection import POLICY, Header
from app.routers.sending import HEAD
from app.serving.answer import Answer, header_lines

UNKNOWN_ROUTE = "unknown"
#: Methods that metrics tell apart; a client can make up any other.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: Stands for the status of a request whose client went away before there was one, as nginx logs it.
GONE = 499
#: Name in the state of a request, true once the server lost its client: nothing more is sent.
LOST = "lost"
#: A whole answer: its status, its headers as the lines that are sent, its body.
Whole = tuple[int, bytes, bytes]
#: An application's way to say at once what is finished; None where the answer has to be made.
AtOnce = Callable[[Any], Whole | None]
#: Gives the line that says how old a replica is; nothing where there is none.
Age = Callable[[], bytes]
RUN_ID = b"run-id"
log = logging.getLogger(__name__)


class Layer(Protocol):
    """The application inside, which may have an answer at once."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or the lifespan."""

    def at_once(self, scope: Scope) -> Answer | None:
        """Return an answer for which nobody has to wait, if any, and say who asked in the request's state."""


class Requests:
    """Outermost ASGI layer of the application.

    ``always``: headers that every answer has; ``age``: gives the one that answers from a run have, if any.
    """

    def __init__(
        self,
        app: Layer,
        metrics: Metrics,
        access_log: AccessLog | None,
        audit: Audit,
        always: Sequence[Header] = (),
        address: ClientAddress = peer,
        age: Age = lambda: b"",
    ) -> None:
        self._app = app
        self._age = age
        self._audit = audit
        self._metrics = metrics
        self._access_log = access_log
        self._always, self._lines = always, header_lines(always)
        self._address = address
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
        request_id = read_head(scope).request_id or self._new_id()
        answer = _Answer(send, request_id, state, self._always, self._age, without_body=method == "HEAD")
        state["request_id"] = answer.request_id
        if method == "HEAD":
            scope["state"][HEAD] = True
            scope = {**scope, "method": "GET"}
        try:
            await self._serve(scope, receive, answer)
        finally:
            self._in_flight -= 1
            seconds = time.perf_counter() - started
            self._ended(method, scope, answer.request_id, answer.status or GONE, answer.sent, seconds)
            if REFUSED in state:
                self._refused(method, scope, state[REFUSED])

    def at_once(self, scope: Scope) -> Whole | None:
        """Return what would be sent for a GET whose answer is finished or soon made, else None.

        The server asks before it makes a task of a request, which costs as much as a finished answer.
        """
        started = time.perf_counter()
        try:
            answer = self._app.at_once(scope)
        except Exception:
            log.exception("a request is tried again the long way")
            return None
        if answer is None:
            return None
        request_id, sent = read_head(scope).request_id or self._new_id(), len(answer.body)
        standing: Standing | None = scope["state"].get(STANDING)
        limit = b"" if standing is None else standing.lines()
        said = answer.head, self._lines, limit, self._age(), REQUEST_ID, request_id.encode()
        head = b"%b%b%b%b%b: %b\r\n" % said
        self._ended(scope["method"], scope, request_id, answer.status, sent, time.perf_counter() - started)
        return answer.status, head, answer.body

    def _new_id(self) -> str:
        return f"{self._counter}{next(self._numbers):012x}"

    async def _serve(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            log.exception("request %s failed", answer.request_id)
            if answer.status is not None:
                raise
            await unexpected(scope)(scope, receive, answer.send)

    def _refused(self, method: str, scope: Scope, error: BearerError) -> None:
        state = scope["state"]
        self._audit.refused(
            "bearer.refused",
            client_id=error.client_id or state.get("client_id"),
            jti=error.jti or state.get("jti"),
            method=_label(method),
            path=route(scope),
            status=error.status,
            reason=error.message,
            address=self._address(scope),
            request_id=state["request_id"],
        )

    def _ended(
        self, method: str, scope: Scope, request_id: str, status: int, sent: int, seconds: float
    ) -> None:
        template = route(scope)
        self._metrics.count(_label(method), template, status, seconds, sent)
        if self._access_log is None:
            return
        state = scope["state"]
        self._access_log.write(
            request_id,
            self._address(scope),
            state.get("client_id"),
            state.get("jti"),
            method,
            path(scope),
            scope["query_string"],
            template,
            status,
            sent,
            state.get("rows"),
            seconds,
            state.get("run_id"),
        )


class _Answer:
    """Passes an answer on, with what each has in its head, and without body for HEAD."""

    def __init__(
        self,
        send: Send,
        request_id: str,
        state: Mapping[str, Any],
        always: Sequence[Header],
        age: Age,
        without_body: bool,
    ) -> None:
        self.request_id = request_id
        self.status: int | None = None
        self.sent = 0
        self._send = send
        self._state = state
        self._always = always
        self._age = age
        self._without_body = without_body

    async def send(self, message: Message) -> None:
        """Send one ASGI message, if there is still somebody to take it."""
        if LOST in self._state:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = self._headers(message.get("headers", ()))
            message = {"type": "http.response.start", "status": self.status, "headers": headers}
        elif self._without_body:
            message = {**message, "body": b""}
        else:
            self.sent += len(message.get("body", b""))
        await self._send(message)

    def _headers(self, given: Sequence[Header]) -> list[Header]:
        own = any(name == POLICY for name, _ in given)
        always = (header for header in self._always if not own or header[0] != POLICY)
        standing: Standing | None = self._state.get(STANDING)
        limit = () if standing is None else standing.headers()
        return [*given, *always, *limit, *self._ages(given), (REQUEST_ID, self.request_id.encode())]

    def _ages(self, given: Sequence[Header]) -> list[Header]:
        if not any(name == RUN_ID for name, _ in given):
            return []
        name, _, value = self._age().strip().partition(b": ")
        return [(name, value)] if name else []


def _label(method: str) -> str:
    return method if method in METHODS else "other"


def route(scope: MutableMapping[str, Any]) -> str:
    """Return the path template that answered, for metrics: paths that do not exist share one name."""
    found = scope.get("route")
    return getattr(found, "path", UNKNOWN_ROUTE)
