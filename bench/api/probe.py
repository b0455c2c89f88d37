"""A client that asks one question after the other while something else goes on, and times its answers.

probe.py HOST PORT REQUEST: asks until its standard input ends, then prints one JSON line.
"""

import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measure import python

_CHUNK = 2**16
_LENGTH = b"content-length:"


@dataclass
class Seen:
    """What the client saw, once the block that it ran in has ended; milliseconds."""

    requests: int = 0
    p50: float = 0
    p99: float = 0
    failed: str = ""


@contextmanager
def probing(url: str, request: Path) -> Iterator[Seen]:
    """Ask a prepared request again and again until the end of the block."""
    host, port = url.removeprefix("http://").split(":")
    command = python("-m", "bench.api.probe", host, port, str(request))
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    seen = Seen()
    try:
        yield seen
    finally:
        output, _ = child.communicate()
        for name, value in json.loads(output).items():
            setattr(seen, name, value)


def main(host: str, port: str, request: str) -> None:
    """Ask until standard input ends, once at least; keep-alive, one connection."""
    text, failed = Path(request).read_bytes(), ""
    times: list[float] = []
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not failed and (not times or not select.select([sys.stdin], [], [], 0)[0]):
            started = time.perf_counter()
            try:
                connection.sendall(text)
                _receive(connection)
            except OSError as error:
                failed = str(error)
            times.append((time.perf_counter() - started) * 1e3)
    times.sort()
    p50, p99 = (times[len(times) * percent // 100] for percent in (50, 99))
    print(json.dumps({"requests": len(times), "p50": p50, "p99": p99, "failed": failed}))


def _receive(connection: socket.socket) -> None:
    """Read one answer that says its length.

    Raises:
        ConnectionError: it is no 200, or the connection ended.
    """
    got = b""
    while b"\r\n\r\n" not in got:
        got += _more(connection)
    head, _, body = got.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(head.decode("latin-1").splitlines()[0])
    (length,) = (line for line in head.lower().split(b"\r\n") if line.startswith(_LENGTH))
    missing = int(length.removeprefix(_LENGTH)) - len(body)
    while missing > 0:
        missing -= len(_more(connection))


def _more(connection: socket.socket) -> bytes:
    chunk = connection.recv(_CHUNK)
    if not chunk:
        raise ConnectionError("the server closed the connection")
    return chunk


if __name__ == "__main__":
    main(*sys.argv[1:])
