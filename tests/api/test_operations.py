"""Operations: health, readiness, metrics."""

import re

from tests.api.conftest import FIRST, SECOND
from tests.support.http import Api
from tests.support.movies import LATER, MOVIES
from tests.support.world import World

LINE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? ([0-9.e+-]+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def scrape(api: Api) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Read the exposition as Prometheus does: every line is a comment or a sample."""
    answer = api.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = {}
    for line in answer.text.splitlines():
        if not line.startswith(("# HELP ", "# TYPE ")):
            matched = LINE.fullmatch(line)
            assert matched, line
            labels = frozenset((name, value) for name, value in LABEL.findall(matched[2] or ""))
            samples[matched[1], labels] = float(matched[3])
    return samples


def requests(api: Api, route: str, status: int, method: str = "GET") -> float:
    labels = {("method", method), ("route", route), ("status", str(status))}
    return scrape(api).get(("http_requests_total", frozenset(labels)), 0)


def test_alive_and_ready_without_a_token(fresh: tuple[Api, World]) -> None:
    api, world = fresh
    api.token = None
    assert api.get("/healthz").json() == {"status": "ok"}
    assert api.get("/readyz").json() == {"status": "ready", "published": None}
    world.add(FIRST, MOVIES)
    world.publish(FIRST)
    assert api.get("/readyz").json() == {"status": "ready", "published": FIRST}
    assert api.get("/readyz").headers["cache-control"] == "no-store"


def test_requests_are_counted_by_route_and_status(fresh: tuple[Api, World]) -> None:
    api, _ = fresh
    for path in ("/v1/runs", "/v1/runs", "/v1/runs/a", "/v1/runs/b?x=1", "/wp-admin", "/wp-login.php"):
        api.get(path)
    api.request("HEAD", "/v1/runs")
    assert requests(api, "/v1/runs", 200) == 2
    assert requests(api, "/v1/runs", 200, "HEAD") == 1
    assert requests(api, "/v1/runs/{run_id}", 404) == 1
    assert requests(api, "/v1/runs/{run_id}", 400) == 1
    assert requests(api, "unknown", 404) == 2
    assert not any("wp-" in str(key) or "/a" in str(key) for key in scrape(api))


def test_unknown_methods_share_one_label(fresh: tuple[Api, World]) -> None:
    api, _ = fresh
    for method in ("BREW", "X" * 100, "PROPFIND"):
        assert api.request(method, "/v1/runs").status_code == 405
    methods = {value for _, labels in scrape(api) for name, value in labels if name == "method"}
    assert methods == {"POST", "other"}


def test_latency_is_a_histogram(fresh: tuple[Api, World]) -> None:
    api, _ = fresh
    for _ in range(3):
        api.get("/v1/runs")
    samples = scrape(api)
    name = "http_request_duration_seconds"
    buckets = {
        dict(labels)["le"]: count
        for (metric, labels), count in samples.items()
        if metric == f"{name}_bucket" and ("route", "/v1/runs") in labels
    }
    counts = [buckets[bound] for bound in sorted(buckets, key=float)]
    assert counts == sorted(counts)
    assert counts[-1] == buckets["+Inf"] == 3
    route = frozenset({("route", "/v1/runs")})
    assert samples[f"{name}_count", route] == 3
    assert 0 < samples[f"{name}_sum", route] < 3


def test_the_published_run_is_shown(fresh: tuple[Api, World]) -> None:
    api, world = fresh
    assert not [key for key in scrape(api) if key[0] == "published_run_info"]
    world.add(FIRST, MOVIES)
    world.add(SECOND, LATER)
    for run in (FIRST, SECOND):
        world.publish(run)
        assert [key for key in scrape(api) if key[0] == "published_run_info"] == [
            ("published_run_info", frozenset({("run_id", run)}))
        ]
