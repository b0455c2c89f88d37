"""One tool for every contestant: wrk, one thread, sending prepared requests over keep-alive connections."""

import gzip
import json
import os
import statistics
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.api.servers import NotAvailable

CONNECTIONS = 32
_AT_MOST_S = 120
_SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Ask:
    """A request: path with query, headers, and a body where it is a POST."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None

    def raw(self) -> bytes:
        """Return the request as HTTP/1.1 (RFC 9112)."""
        method, body = ("GET", b"") if self.body is None else ("POST", self.body.encode())
        length = {"Content-Length": str(len(body))} if body else {}
        headers = {"Host": "127.0.0.1", **self.headers, **length}
        lines = [f"{method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True)
class Got:
    """An answer. The body is as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body to read."""
        plain = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        return plain.decode(errors="replace")


@dataclass(frozen=True)
class Reading:
    """What wrk saw: requests per second, milliseconds, and how many were refused (400 or more) or failed."""

    rate: float
    p50: float
    p99: float
    refused: int
    failed: int


def fetch(url: str, ask: Ask) -> Got:
    """Ask once."""
    body = None if ask.body is None else ask.body.encode()
    request = urllib.request.Request(url + ask.path, body, dict(ask.headers))
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return _got(answer.status, answer)
    except urllib.error.HTTPError as answer:  # 304 as well
        with answer:
            return _got(answer.code, answer)


def _got(status: int, answer: "urllib.error.HTTPError | urllib.response.addinfourl") -> Got:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Got(status, headers, answer.read())


def write_requests(file: Path, asks: Sequence[Ask]) -> Path:
    """Write requests down for ``drive``."""
    file.write_bytes(b"\0".join(ask.raw() for ask in asks))
    return file


def drive(
    url: str, requests: Path, seconds: float, connections: int = CONNECTIONS, first: int = 0
) -> Reading:
    """Send requests for so many whole seconds, from the one at this place on.

    Raises:
        NotAvailable: wrk could not, or nothing was answered.
    """
    settings = {"BENCH_FIRST": str(first)}
    seen = _read(_wrk(url, requests, connections, max(1, round(seconds)), settings))
    if not seen["requests"]:
        raise NotAvailable(f"no answer to {connections} requests at once within {seen['seconds']:.0f} s")
    return Reading(
        seen["requests"] / seen["seconds"],
        seen["p50"],
        seen["p99"],
        seen["refused"],
        seen["failed"],
    )


@dataclass(frozen=True)
class Sent:
    """Requests that were sent once each, how many were refused, and the seconds that it took."""

    requests: int
    refused: int
    seconds: float


class SendingOnce:
    """Sends each request once, beginning now."""

    def __init__(self, url: str, requests: Path) -> None:
        self._started = time.perf_counter()
        self._child = _wrk(url, requests, CONNECTIONS, _AT_MOST_S, {"BENCH_ONCE": "1", "BENCH_FIRST": "0"})

    def end(self) -> Sent:
        """Wait until all are answered.

        Raises:
            NotAvailable: they were not.
        """
        seen = _read(self._child)
        return Sent(seen["requests"], seen["refused"], time.perf_counter() - self._started)


def _wrk(
    url: str, requests: Path, connections: int, seconds: int, settings: Mapping[str, str]
) -> "subprocess.Popen[str]":
    wrk = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "--script", str(_SCRIPT)]
    environment = {**os.environ, "BENCH_REQUESTS": str(requests), **settings}
    return subprocess.Popen([*wrk, url], env=environment, stdout=subprocess.PIPE, text=True)


def _read(child: "subprocess.Popen[str]") -> dict[str, Any]:
    output, _ = child.communicate()
    try:
        seen: dict[str, Any] = json.loads(output.strip().rpartition("\n")[2])
    except ValueError:
        raise NotAvailable(f"wrk said: {output.strip()[-200:]}") from None
    return seen


def middle(readings: Sequence[Reading], name: str) -> float:
    """Return the median of one figure."""
    return float(statistics.median(getattr(reading, name) for reading in readings))
