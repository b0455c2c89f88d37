"""A bad road to an S3 server: an HTTP proxy that is slow, cuts answers short, refuses or hangs up."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from tests.support.s3 import S3Server


@dataclass
class Trouble:
    """What happens to requests of a method whose path has some text in it, at most so many ``times``.

    ``delay_s`` is waited before. ``error``, a status and S3's word for it, is answered without asking the
    server; where it ``hangs_up``, nothing is. What is ``lost`` is the server's answer; of its body only
    ``cut`` bytes are sent. ``before`` and ``after`` are called around what the server does.
    """

    method: str = ""
    part: str = ""
    times: int = 1_000_000
    delay_s: float = 0
    error: tuple[int, str] | None = None
    hangs_up: bool = False
    lost: bool = False
    cut: int | None = None
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None

    def meets(self, method: str, path: str) -> bool:
        """Say whether it happens to a request."""
        return self.times > 0 and self.method in {"", method} and self.part in path


@dataclass
class S3Proxy:
    """A proxy in front of a server. ``asked`` has the method and path of each request."""

    server: S3Server
    troubles: list[Trouble] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    port: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def environment(self, key: str = "admin", **settings: str) -> dict[str, str]:
        """Return the ``AWS_*`` variables of a process that goes this way; it is not patient."""
        way = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", "AWS_MAX_ATTEMPTS": "2"}
        return self.server.environment(key, **way | settings)

    def trouble(self, method: str, path: str) -> Trouble:
        """Return what happens to a request."""
        with self.lock:
            self.asked.append(f"{method} {path}")
            found = next((trouble for trouble in self.troubles if trouble.meets(method, path)), Trouble())
            found.times -= 1
            return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: S3Proxy

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        trouble = self.proxy.trouble(self.command, self.path)
        time.sleep(trouble.delay_s)
        trouble.before()
        if trouble.error is not None:
            self._refuse(*trouble.error)
        elif trouble.hangs_up:
            self.close_connection = True
        else:
            self._forward(body, trouble)

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - the names are those of http.server

    def _forward(self, body: bytes, trouble: Trouble) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
        behind = http.client.HTTPConnection("127.0.0.1", self.proxy.server.port, timeout=30)
        try:
            behind.request(self.command, self.path, body, headers)
            answer = behind.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException):  # the server is gone
            self.close_connection = True
            return
        finally:
            behind.close()
        trouble.after()
        if trouble.lost:
            self.close_connection = True
            return
        length = answer.headers.get("content-length") if self.command == "HEAD" else str(len(data))
        kept = [item for item in answer.headers.items() if item[0].lower() not in _OF_THE_ROAD]
        self._answer(answer.status, [*kept, ("Content-Length", length or "0")], data[: trouble.cut])
        if trouble.cut is not None:
            self.close_connection = True

    def _refuse(self, status: int, code: str) -> None:
        data = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        self._answer(status, [("Content-Length", str(len(data)))], data)

    def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


_OF_THE_ROAD = {"content-length", "transfer-encoding", "connection"}


@contextmanager
def proxied(server: S3Server, *troubles: Trouble) -> Iterator[S3Proxy]:
    """Run a proxy until the end of the block."""
    proxy = S3Proxy(server, list(troubles))
    handler = cast("type[_Handler]", type("Handler", (_Handler,), {"proxy": proxy}))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listener:
        listener.daemon_threads = True
        listener.block_on_close = False
        proxy.port = listener.server_port
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield proxy
        finally:
            listener.shutdown()
            thread.join()
