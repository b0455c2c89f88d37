"""HTTP/1.1 on uvicorn and llhttp with what uvicorn lacks: limits, deadlines, refusals in our one error shape.

A request reaches the application when it is whole: a client that is slow to send occupies a connection and
nothing else. There is no timer per request; ``app.server.deadlines`` goes round all connections instead,
which costs a request less than uvicorn's own timer does.
"""

import asyncio
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.routers.refusals import REFUSAL, Refusal, refuse
from app.routers.requests import LOST, AtOnce
from app.server import framing
from app.server.cycle import Cycle, target
from app.server.limits import PIECE, RETRY_AFTER
from app.server.traffic import Traffic
from app.server.transport import Gentle

#: Answered even by a worker that is full: whoever restarts full workers makes it worse.
OPERATIONS = frozenset({"/healthz", "/readyz", "/metrics"})
FULL = Refusal(503, "The server is at its limit; the request was not looked at.", RETRY_AFTER)


class Protocol(HttpToolsProtocol):
    """One connection."""

    transport: Gentle  # type: ignore[assignment] # stands for one, with all of it that uvicorn uses

    def __init__(
        self,
        config: Config,
        server_state: Traffic,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.traffic = server_state
        self.limits = server_state.limits
        #: When the unfinished request began, or else the last answer ended.
        self.since = self.loop.time()
        #: What was unsent when last looked at, and since when it is the same.
        self.stalled = (0, self.since)
        self.deaf = False
        #: An application may have answers for which nobody has to wait; any other is asked the usual way.
        self._at_once: AtOnce = getattr(config.loaded_app, "at_once", lambda _: None)
        self._held = b""
        self._framing: list[framing.Header] = []
        self._unfinished: Any = None
        self._received = 0
        self._running: RequestResponseCycle | None = None
        self._waiting: RequestResponseCycle | None = None
        self._last: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Begin, or refuse where there are too many."""
        super().connection_made(Gentle(transport, self.traffic.departures))  # type: ignore[arg-type] # a stand-in, as above
        excess = len(self.connections) - self.limits.connections
        if excess > self.limits.connections:  # not even for a refusal
            transport.abort()
        elif excess > 0:
            self._refuse(FULL)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application that is answering, were it behind on a pipeline."""
        running = self._running
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.scope["state"][LOST] = True
            running.message_event.set()
        self.deaf, self._held = True, b""
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, in pieces where it is much."""
        if self.deaf:
            return
        if self._held or len(data) > PIECE:
            self._held += data
            self._feed_held()
        else:
            self._feed(data)

    def _feed_held(self) -> None:
        while self._held and not self.pipeline and not self.deaf:
            piece, self._held = self._held[:PIECE], self._held[PIECE:]
            self._feed(piece)
        if self._held:
            self.flow.pause_reading()

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade:  # what follows would be of another protocol; the request itself is answered
            self.deaf = True
            self.cycle.keep_alive = False
        except HttpParserError as error:
            cause = error.__context__
            self._refuse(
                cause if isinstance(cause, Refusal) else Refusal(400, f"This is not HTTP/1.1: {error}.")
            )
        else:
            if self.receiving:
                self._count(len(data))

    @property
    def receiving(self) -> bool:
        """Whether a request has begun, or the first is yet to, that is not whole."""
        return self.cycle is None or self.cycle.more_body or self.in_head

    @property
    def in_head(self) -> bool:
        """Whether the head of a request has begun that is not whole."""
        return self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)

    def _count(self, size: int) -> None:
        """Count the bytes of a request that comes in pieces; those of the first piece are given away."""
        if self._unfinished is not self.scope:
            self._unfinished, self._received, self.since = self.scope, 0, self.loop.time()
            return
        self._received += size
        if self.in_head or self.cycle is None:
            if self._received > self.limits.head:
                self._refuse(framing.head_too_large(self.limits, self.url, self.headers))
        elif self._received > self.limits.head + self.limits.body:
            self._refuse(framing.too_large(self.limits.body))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        name = name.lower()
        self.headers.append((name, value))
        if name in framing.NAMES:
            self._framing.append((name, value))
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True

    def on_headers_complete(self) -> None:
        """Take the head of a request.

        Raises:
            Refusal: it cannot be served; the parser hands it to ``_feed``.
        """
        self._begin()
        framing.check_size(self.limits, self.url, self.headers, self._unfinished is self.scope)
        if framing.check(self.scope["http_version"], self._framing, self.limits.body):
            self.headers = []  # trailers end here: they are not headers (RFC 9110, 6.5.1)
        if self.traffic.draining_since is not None:
            self.shutdown()

    def _begin(self) -> None:
        """Make a request of what the head says, and start it unless it is behind others."""
        version = self.parser.get_http_version()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment] # a TypedDict with what is set here
        method = self.parser.get_method().decode()
        scope.update(method=method, http_version=version, **target(self.url))
        before = self.cycle
        keep_alive = version != "1.0" and self.parser.should_keep_alive()
        cycle = self.cycle = self._cycle(keep_alive, self.expect_100_continue)
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _cycle(self, keep_alive: bool = False, expect_100_continue: bool = False) -> Cycle:
        return Cycle(
            scope=self.scope,
            transport=self.transport,  # type: ignore[arg-type] # a stand-in, as above
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.traffic.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=expect_100_continue,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )

    def on_body(self, body: bytes) -> None:
        """Take a part of the body.

        Raises:
            Refusal: it is too large, as above.
        """
        super().on_body(body)
        if len(self.cycle.body) > self.limits.body:
            raise framing.too_large(self.limits.body)

    def on_message_complete(self) -> None:
        """Start the request if it is its turn; it is whole now."""
        self._framing.clear()
        self.cycle.more_body = False
        self.cycle.message_event.set()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._start_asgi_task(waiting, self.app)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Start a request whose turn it is, or wait until it is whole."""
        if cycle.more_body:
            self._waiting = cycle
            if cycle.waiting_for_100_continue:
                self.loop.call_soon(self._continue, cycle)  # its head may yet be refused
            return
        if len(self.tasks) >= self.limits.in_flight:
            self._turn_away(cycle)
        self._running = cycle
        # The last answer of a connection ends it, which the parser has to be done for.
        goes_on = cycle.keep_alive and not self.parser.should_upgrade()
        whole = self._at_once(cycle.scope) if goes_on and self._at_ease else None
        if whole is None:
            super()._start_asgi_task(cycle, app)
        else:
            cycle.answer(*whole)  # type: ignore[attr-defined] # all that there are come from ``_cycle``
            self._go_on()

    @property
    def _at_ease(self) -> bool:
        """Whether answers leave as fast as requests come; else each waits its turn among all connections."""
        return not (self._held or self.pipeline or self.flow.write_paused)

    def _turn_away(self, cycle: RequestResponseCycle) -> None:
        if cycle.scope["path"] not in OPERATIONS and REFUSAL not in cycle.scope["state"]:
            refuse(cycle.scope, FULL)  # type: ignore[arg-type] # a TypedDict

    def _continue(self, cycle: RequestResponseCycle) -> None:
        if cycle is self._waiting and cycle.waiting_for_100_continue and not self.transport.is_closing():
            cycle.waiting_for_100_continue = False
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_response_complete(self) -> None:
        """Send what is left of an answer, and go on with the next request."""
        self.transport.flush()
        self._go_on()

    def _go_on(self) -> None:
        self.traffic.total_requests += 1
        self.since = self.loop.time()
        if self.transport.is_closing():
            self.deaf = True
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._held:
            self._feed_held()

    def shutdown(self) -> None:
        """Let the answer to the newest request say ``Connection: close``, and no earlier one.

        After one whose head was sent without, the client may ask once more.
        """
        cycle = self.cycle
        if cycle is None or cycle.response_started or self._held:
            return
        if self._last is not None and not self._last.response_started:
            self._last.keep_alive = True
        if cycle.keep_alive:
            cycle.keep_alive, self._last = False, cycle

    def time_out(self) -> None:
        """Refuse a request that takes too long to come; a connection that sent nothing just ends."""
        if self.scope is None:
            self.transport.close_at_once()
        else:
            self._refuse(Refusal(408, "The request took too long to arrive."))

    def _refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal once everything before it is answered, read no further, and close."""
        self.deaf, self._held = True, b""
        before, cycle = self.cycle, self.cycle
        known = cycle is not None and cycle.scope is self.scope and cycle.more_body
        if not known:
            cycle = self.cycle = self._unparsed()
        refuse(cycle.scope, refusal)  # type: ignore[arg-type] # a TypedDict
        cycle.more_body = cycle.keep_alive = cycle.waiting_for_100_continue = False
        if known:
            if cycle is self._waiting:
                self._waiting = None
                self._start_asgi_task(cycle, self.app)
        elif before is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.pipeline.appendleft((cycle, self.app))

    def _unparsed(self) -> RequestResponseCycle:
        """Return a request of which no more is known than what was parsed."""
        if not self.in_head:
            self.on_message_begin()
        path = self.url.partition(b"?")[0] if len(self.url) <= self.limits.request_line else b""
        method = self.parser.get_method().decode() if self.url else "-"
        scope: dict[str, Any] = self.scope  # type: ignore[assignment] # as above
        scope.update(method=method, path=path.decode("latin-1"), query_string=b"")
        return self._cycle()
