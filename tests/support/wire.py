"""HTTP/1.1 by hand over real sockets: what no client would send, and exactly what came back."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from app.server.limits import Limits
from app.server.server import Server

HOST = "127.0.0.1"
PATIENCE_S = 10.0


@dataclass(frozen=True)
class Answer:
    """One answer, as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The body of an error."""
        assert self.headers["content-type"] == "application/problem+json"
        document: dict[str, Any] = json.loads(self.body)
        return document


class Wire:
    """A connection."""

    def __init__(self, port: int, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect((HOST, port))
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, data: bytes) -> "Wire":
        """Send bytes."""
        self.socket.sendall(data)
        return self

    def get(self, path: str = "/healthz", *headers: str) -> Answer:
        """Send a GET and return its answer."""
        return self.send(request(path, *headers)).answer()

    def answer(self) -> Answer:
        """Read one answer, whole."""
        status = int(self._line().split()[1])
        headers = {}
        while line := self._line():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return Answer(status, headers, self._body(headers))

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self._file.read(int(headers.get("content-length", 0)))
        body = b""
        while size := int(self._line(), 16):
            body += self._file.read(size)
            self._line()
        self._line()
        return body

    def _line(self) -> str:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError(f"the connection ended after {line!r}")
        return line[:-2].decode("latin-1")

    def takes(self, size: int) -> bool:
        """Read so many bytes, and say whether they came."""
        return len(self._file.read(size)) == size

    def at_end(self) -> bool:
        """Wait for more, and say that there is none."""
        return self._file.read(1) == b""


def request(path: str = "/healthz", *headers: str, method: str = "GET") -> bytes:
    """Return the bytes of a request without a body."""
    lines = [f"{method} {path} HTTP/1.1", "Host: test", *headers]
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


@contextmanager
def running(application: Any, limits: Limits) -> Iterator[tuple[Server, int]]:
    """Run our server in a thread of this process and give it and its port; at the end it ends by itself."""
    server = Server(application, limits)
    listener = socket.create_server((HOST, 0))
    port = listener.getsockname()[1]
    thread = threading.Thread(target=asyncio.run, args=(server.serve([listener]),))
    thread.start()
    try:
        yield server, port
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
