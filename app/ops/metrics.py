"""Metrics of the HTTP server in Prometheus' text format (exposition format 0.0.4)."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Upper bounds of the latency buckets, in seconds.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass
class Histogram:
    """Observations counted by bucket; the last count is of those above every bound."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def observe(self, seconds: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


class Metrics:
    """Counts requests of one process."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int], int] = {}
        self._latency: dict[str, Histogram] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request; ``route`` is the path template, so that labels stay few."""
        key = (method, route, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        self._latency.setdefault(route, Histogram()).observe(seconds)

    def exposition(self, published: str | None) -> str:
        """Return every metric as text; ``published`` is the id of the published run, if any."""
        return "\n".join([*self._request_lines(), *self._latency_lines(), *_run_lines(published)]) + "\n"

    def _request_lines(self) -> Iterable[str]:
        name = "http_requests_total"
        yield from _head(name, "counter", "Requests answered, by method, route and status.")
        for (method, route, status), count in sorted(self._requests.items()):
            labels = {"method": method, "route": route, "status": str(status)}
            yield f"{name}{_labels(labels)} {count}"

    def _latency_lines(self) -> Iterable[str]:
        name = "http_request_duration_seconds"
        yield from _head(
            name, "histogram", "Seconds from a request's head to the end of its answer, by route."
        )
        for route, histogram in sorted(self._latency.items()):
            reached = 0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), histogram.counts, strict=True):
                reached += count
                yield f"{name}_bucket{_labels({'route': route, 'le': bound})} {reached}"
            yield f"{name}_sum{_labels({'route': route})} {histogram.total!r}"
            yield f"{name}_count{_labels({'route': route})} {reached}"


def _run_lines(published: str | None) -> Iterable[str]:
    name = "published_run_info"
    yield from _head(name, "gauge", "1 for the run that is published.")
    if published is not None:
        yield f"{name}{_labels({'run_id': published})} 1"


def _head(name: str, kind: str, help_text: str) -> tuple[str, str]:
    return f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
