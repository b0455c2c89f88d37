"""What ``/metrics`` shows, in Prometheus' text format (exposition format 0.0.4)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Upper bounds of the latency buckets, in seconds.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Family(NamedTuple):
    """A metric: what it is, what it means, and the names of its labels."""

    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()


FAMILIES: dict[str, Family] = {
    "http_requests_total": Family(
        "counter",
        "Requests answered, by method, route and status; 429 is a rate limit, 499 a client that went away.",
        ("method", "route", "status"),
    ),
    "http_request_duration_seconds": Family(
        "histogram", "Seconds from a request's head to the end of its answer, by route.", ("route",)
    ),
    "http_response_bytes_total": Family("counter", "Bytes of bodies sent, by route.", ("route",)),
    "http_requests_in_flight": Family("gauge", "Requests being answered."),
    "http_workers": Family("gauge", "Workers that are alive."),
    "answer_cache_requests_total": Family(
        "counter",
        "Answers of listings by where they came from: hit (finished before), miss (computed), joined"
        " (computed at that moment for another request).",
        ("result",),
    ),
    "answer_cache_bytes": Family("gauge", "Bytes of finished answers kept, of all workers."),
    "answer_cache_entries": Family("gauge", "Finished answers kept, of all workers."),
    "store_reads_running": Family("gauge", "Reads of the mart store that run on threads of their own."),
    "store_reads_waiting": Family("gauge", "Reads of the mart store that wait for such a thread."),
    "access_log_lines_dropped_total": Family(
        "counter", "Lines of the access log that were lost because nobody took them in time."
    ),
    "rate_limits_alone": Family(
        "gauge", "Workers that count rate limits without Redis, because it does not answer."
    ),
    "trusted_issuers_failing": Family(
        "gauge",
        "Trusted issuers whose keys could not be fetched the last time, added up over all workers; known keys"
        " serve on.",
    ),
    "published_run_info": Family("gauge", "1 for the run that is published.", ("run_id",)),
    "replica_age_seconds": Family(
        "gauge", "Seconds since the warehouse last said what this machine's replica of it has."
    ),
    "replica_runs": Family("gauge", "Runs that the replica holds with their marts."),
    "replica_syncs_total": Family(
        "counter",
        "Times that something was copied (done), and looks at the warehouse that failed (failed).",
        ("result",),
    ),
    "replica_sync_seconds": Family("gauge", "Seconds that the last sync took."),
}
#: Numbers that are the same whichever worker is asked, by a family's name and the values of its labels.
Shared = Mapping[tuple[str, ...], float]


def text(sums: Mapping[tuple[str, ...], Sequence[float]], shared: Shared) -> str:
    """Return every metric; keys of ``sums`` are a family's name and the values of its labels."""
    shown = {**sums, **{key: (float(value),) for key, value in shared.items()}}
    lines: list[str] = []
    for name, family in FAMILIES.items():
        lines += (f"# HELP {name} {family.meaning}", f"# TYPE {name} {family.kind}")
        show = _histogram if family.kind == "histogram" else _single
        for (_, *values), numbers in sorted(item for item in shown.items() if item[0][0] == name):
            lines += show(name, dict(zip(family.labels, values, strict=True)), numbers)
    return "\n".join(lines) + "\n"


def _single(name: str, labels: Mapping[str, str], numbers: Sequence[float]) -> Iterable[str]:
    return (f"{name}{_labels(labels)} {_number(numbers[0])}",)


def _histogram(name: str, labels: Mapping[str, str], numbers: Sequence[float]) -> Iterator[str]:
    *counts, total = numbers
    reached = [_number(count) for count in accumulate(counts)]
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), reached, strict=True):
        yield f"{name}_bucket{_labels({**labels, 'le': bound})} {count}"
    yield f"{name}_sum{_labels(labels)} {_number(total)}"
    yield f"{name}_count{_labels(labels)} {reached[-1]}"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def _labels(labels: Mapping[str, str]) -> str:
    shown = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{shown}}}" if shown else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
