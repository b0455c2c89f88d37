"""Metrics of the HTTP server, the same whichever of its workers is asked."""

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable
from pathlib import Path

from app.ops import exposition
from app.ops.exposition import BUCKETS, CONTENT_TYPE, FAMILIES, Shared
from app.ops.series import Item, Key, Series, read

__all__ = ["CONTENT_TYPE", "Metrics"]

#: How often a worker tells the others what its gauges say.
GAUGES_EVERY_S = 1.0
_GAUGES = frozenset(name for name, family in FAMILIES.items() if family.kind == "gauge")
_SUM = len(BUCKETS) + 1
#: Places of a request's numbers: requests, latency, bytes.
_Places = tuple[int, int, int]


class Metrics:
    """Counts what one worker does, and shows the sum over all workers with the same ``folder``.

    Counting is for the thread of the event loop alone.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._series = Series(folder)
        self._requests: dict[tuple[str, str, int], _Places] = {}
        self._cache: dict[str, int] = {}
        self._dropped = self._series.place(("access_log_lines_dropped_total",))
        self._gauges: dict[int, Callable[[], float]] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep_gauges, name="gauges", daemon=True)
        self._forget_gauges()
        self.gauge("http_workers", lambda: 1)
        if folder is not None:
            self._thread.start()

    def count(self, method: str, route: str, status: int, seconds: float, size: int = 0) -> None:
        """Count one answered request; ``route`` is the path template, so that labels stay few."""
        values = self._series.values
        places = self._requests.get((method, route, status)) or self._place(method, route, status)
        requests, latency, sent = places
        values[requests] += 1
        values[latency + bisect_left(BUCKETS, seconds)] += 1
        values[latency + _SUM] += seconds
        values[sent] += size

    def _place(self, method: str, route: str, status: int) -> _Places:
        place = self._series.place
        self._requests[method, route, status] = places = (
            place(("http_requests_total", method, route, str(status))),
            place(("http_request_duration_seconds", route), _SUM + 1),
            place(("http_response_bytes_total", route)),
        )
        return places

    def cache(self, result: str) -> None:
        """Count one look into the cache of answers, by what came of it."""
        place = self._cache.get(result)
        if place is None:
            place = self._cache[result] = self._series.place(("answer_cache_requests_total", result))
        self._series.values[place] += 1

    def dropped(self, lines: int) -> None:
        """Count lines that the access log could not keep."""
        self._series.values[self._dropped] += lines

    def gauge(self, name: str, value: Callable[[], float]) -> None:
        """Let a declared gauge show what ``value`` returns; it runs on any thread and must not fail."""
        if name not in _GAUGES:
            raise KeyError(name)
        self._gauges[self._series.place((name,))] = value

    def exposition(self, shared: Shared) -> str:
        """Return every metric as text; ``shared`` are those that no worker counts."""
        self._sample()
        counted = read(self._folder) if self._folder else [(self._series.items(), True)]
        return exposition.text(_summed(counted), shared)

    def close(self) -> None:
        """Leave the counts to the worker that comes next."""
        self._closing.set()
        if self._folder is not None:
            self._thread.join()
        self._series.close()

    def _forget_gauges(self) -> None:
        """Drop what the gauges of a dead worker said whose counts are continued here."""
        for key, _ in self._series.items():
            if key[0] in _GAUGES:
                self._series.values[self._series.place(key)] = 0

    def _keep_gauges(self) -> None:
        while not self._closing.wait(GAUGES_EVERY_S):
            self._sample()

    def _sample(self) -> None:
        for place, value in list(self._gauges.items()):
            self._series.values[place] = value()


def _summed(counted: Iterable[tuple[Iterable[Item], bool]]) -> dict[Key, list[float]]:
    """Add up the numbers of all workers; gauges of those that live."""
    sums: dict[Key, list[float]] = {}
    for items, alive in counted:
        for key, numbers in items:
            if alive or key[0] not in _GAUGES:
                before = sums.get(key, [0.0] * len(numbers))
                sums[key] = [a + b for a, b in zip(before, numbers, strict=True)]
    return sums
