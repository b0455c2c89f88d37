"""One request and its answer: uvicorn's cycle with a head that is checked as a whole and built in one go."""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

Header = tuple[bytes, bytes]
_CLOSE, _CHUNKED, _END = b"connection: close\r\n", b"transfer-encoding: chunked\r\n", b"\r\n"
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
        if not self.disconnected:
            self._start(message["status"], [*self.default_headers, *message.get("headers", ())])

    def _start(self, status: int, headers: Sequence[Header]) -> None:
        self.response_started, self.waiting_for_100_continue = True, False
        parts = [STATUS_LINE[status]]
        for name, value in headers:
            parts += (name.lower(), b": ", value, b"\r\n")
        head = b"".join(parts)
        if head.count(b"\n") != len(headers) + 1 or head.count(b"\r") != len(headers) + 1 or b"\0" in head:
            raise ValueError("a header of the answer holds a line break or NUL")
        self.transport.write(head + self._frame(status, headers) + _END)

    def _frame(self, status: int, headers: Iterable[Header]) -> bytes:
        """Take note of how the answer is framed, and return the lines that are missing."""
        given = {name.lower(): value for name, value in headers if name.lower() in _FRAMING}
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
