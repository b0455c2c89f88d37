"""One request and its answer: uvicorn's cycle with a head that is checked as a whole and built in one go."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from app.serving.answer import header_lines

Header = tuple[bytes, bytes]
_CLOSE, _CHUNKED = b"connection: close\r\n", b"transfer-encoding: chunked\r\n"
#: Headers of an answer that say how it is framed.
_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})
#: Answers that have no body (RFC 9110, 6.4.1).
_WITHOUT_BODY = frozenset({204, 304})


def target(url: bytes) -> dict[str, Any]:
    """Return what a request is about, as ASGI has it.

    Raises:
        HttpParserError: this is no target of a request.
    """
    parsed = httptools.parse_url(url)
    path = parsed.path.decode("ascii")
    unescaped = unquote(path) if "%" in path else path
    return {"path": unescaped, "raw_path": parsed.path, "query_string": parsed.query or b""}


@lru_cache(2)
def _lines(*headers: Header) -> bytes:
    """Return the lines of headers that are the same for a second."""
    return header_lines(headers)


class Cycle(RequestResponseCycle):
    """Answers one request. Uvicorn checks each name and value by itself, which costs more than the answer."""

    async def send(self, message: Any) -> None:
        """Send one ASGI message.

        Raises:
            ValueError: a header holds a line break or NUL.
        """
        if self.response_started or message["type"] != "http.response.start":
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        self._start(message["status"], message.get("headers", ()))

    def answer(self, status: int, head: bytes, body: bytes) -> None:
        """Send everything, the headers as lines."""
        self.response_started, self.waiting_for_100_continue = True, False
        ours = _lines(*self.default_headers)
        close = b"" if self.keep_alive else _CLOSE
        self.transport.write(b"%b%b%b%b\r\n" % (STATUS_LINE[status], ours, head, close))
        if body:
            self.transport.write(body)
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()

    def _start(self, status: int, headers: Sequence[Header]) -> None:
        self.response_started, self.waiting_for_100_continue = True, False
        given = [(name.lower(), value) for name, value in headers]
        head = header_lines([*self.default_headers, *given])
        self.transport.write(STATUS_LINE[status] + head + self._frame(status, given) + b"\r\n")

    def _frame(self, status: int, headers: Iterable[Header]) -> bytes:
        """Take note of how the answer is framed, and return the lines that are missing."""
        given = {name: value for name, value in headers if name in _FRAMING}
        missing = b""
        if b"close" in given.get(b"connection", b"").lower():
            self.keep_alive = False
        elif not self.keep_alive:
            missing = _CLOSE
        if b"content-length" in given:
            self.expected_content_length, self.chunked_encoding = int(given[b"content-length"]), False
        elif given.get(b"transfer-encoding", b"").lower() == b"chunked":
            self.chunked_encoding = True
        elif self.scope["method"] != "HEAD" and status not in _WITHOUT_BODY:
            self.chunked_encoding = True
            missing += _CHUNKED
        return missing
