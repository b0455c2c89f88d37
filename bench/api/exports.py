"""A whole mart of a million rows in each format, while another client goes on asking."""

import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from bench.api.load import write_requests
from bench.api.prepare import HOT, Prepared
from bench.api.probe import Seen, probing
from bench.api.servers import Server, app_serve, serving

FORMATS = ("csv", "ndjson", "arrow", "parquet")
_CHUNK = 2**18
_EVERY_S = 0.05


@dataclass
class Export:
    """One download: its bytes and seconds, how much the server grew, and what others saw meanwhile."""

    name: str
    size: int = 0
    seconds: float = 0
    growth: int = 0
    others: Seen = field(default_factory=Seen)
    missing: str = ""


def exports(ready: Prepared, seconds: float) -> tuple[Seen, list[Export]]:
    """Return what the other client sees in peace, and every download; each from a server just started."""
    hot = write_requests(ready.folder / "hot", [ready.ask(HOT)])
    found = []
    for name in FORMATS:
        with serving(
            app_serve(), ready.marts.environment, ready.marts.logs / "export.log", "/readyz"
        ) as server:
            with probing(server.url, hot) as peace:
                time.sleep(seconds)
            found.append(_export(server, ready, name, hot))
    return peace, found


def _export(server: Server, ready: Prepared, name: str, hot: Path) -> Export:
    export = Export(name)
    path = f"/v1/aggregates/production-companies?format={name}&limit=all"
    request = urllib.request.Request(server.url + path, headers=dict(ready.marts.bearer))
    with probing(server.url, hot) as export.others, _growth(server, export):
        started = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                while chunk := answer.read(_CHUNK):
                    export.size += len(chunk)
        except (OSError, HTTPException) as error:
            export.missing = str(error)
        export.seconds = time.perf_counter() - started
    return export


@contextmanager
def _growth(server: Server, export: Export) -> Iterator[None]:
    """Look at the server's memory again and again."""
    before, ended = server.memory().rss, threading.Event()

    def look() -> None:
        while not ended.wait(_EVERY_S):
            export.growth = max(export.growth, server.memory().rss - before)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        yield
    finally:
        ended.set()
        looker.join()
