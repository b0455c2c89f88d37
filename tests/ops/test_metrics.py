"""Metrics: what any worker shows is the sum over all of them, and never falls."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.ops import series
from app.ops.metrics import Metrics

REQUESTS = 'http_requests_total{method="GET",route="/v1/runs",status="200"}'
COUNT = 'http_request_duration_seconds_count{route="/v1/runs"}'


def shown(metrics: Metrics) -> dict[str, float]:
    """Return every sample by its name with labels."""
    lines = metrics.exposition({}).splitlines()
    samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in samples}


def ask(metrics: Metrics, times: int = 1, status: int = 200, seconds: float = 0.002, size: int = 0) -> None:
    for _ in range(times):
        metrics.count("GET", "/v1/runs", status, seconds, size)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Metrics, Metrics]]:
    """Metrics of two workers with one folder."""
    one, other = Metrics(tmp_path), Metrics(tmp_path)
    yield one, other
    one.close()
    other.close()


def test_every_kind_of_number() -> None:
    metrics = Metrics()
    ask(metrics, 3, seconds=0.002, size=100)
    ask(metrics, 1, status=404, seconds=20, size=5)
    for result in ("hit", "hit", "miss"):
        metrics.cache(result)
    metrics.dropped(7)
    metrics.gauge("answer_cache_bytes", lambda: 1234)
    samples = shown(metrics)
    bucket = 'http_request_duration_seconds_bucket{route="/v1/runs",le="%s"}'
    assert {bound: samples[bucket % bound] for bound in ("0.001", "0.0025", "10.0", "+Inf")} == {
        "0.001": 0,
        "0.0025": 3,
        "10.0": 3,
        "+Inf": 4,
    }
    assert samples[REQUESTS] == 3
    assert samples[REQUESTS.replace("200", "404")] == 1
    assert samples[COUNT] == 4
    assert samples['http_request_duration_seconds_sum{route="/v1/runs"}'] == pytest.approx(20.006)
    assert samples['http_response_bytes_total{route="/v1/runs"}'] == 305
    assert samples['answer_cache_requests_total{result="hit"}'] == 2
    assert samples['answer_cache_requests_total{result="miss"}'] == 1
    assert samples["access_log_lines_dropped_total"] == 7
    assert samples["answer_cache_bytes"] == 1234
    assert samples["http_workers"] == 1


def test_an_observation_on_a_bound_is_below_it() -> None:
    metrics = Metrics()
    ask(metrics, seconds=0.25)
    samples = shown(metrics)
    assert samples['http_request_duration_seconds_bucket{route="/v1/runs",le="0.25"}'] == 1
    assert samples['http_request_duration_seconds_bucket{route="/v1/runs",le="0.1"}'] == 0


def test_a_gauge_must_be_declared() -> None:
    with pytest.raises(KeyError):
        Metrics().gauge("made_up", lambda: 1)


def test_labels_are_escaped() -> None:
    metrics = Metrics()
    metrics.count("GET", 'a\\b"c\nd', 200, 0.1)
    assert r'route="a\\b\"c\nd"' in metrics.exposition({})


def test_workers_show_the_same_sum(pair: tuple[Metrics, Metrics]) -> None:
    one, other = pair
    ask(one, 3)
    ask(other, 4)
    ask(other, 2, status=500)
    one.gauge("answer_cache_entries", lambda: 10)
    other.gauge("answer_cache_entries", lambda: 5)
    for metrics in pair:
        metrics.exposition({})
    expected = {REQUESTS: 7, REQUESTS.replace("200", "500"): 2, COUNT: 9}
    expected |= {"answer_cache_entries": 15, "http_workers": 2}
    for metrics in pair:
        samples = shown(metrics)
        assert {name: samples[name] for name in expected} == expected


def test_what_is_counted_is_seen_by_others_at_once(pair: tuple[Metrics, Metrics]) -> None:
    one, other = pair
    for number in range(1, 50):
        ask(one)
        assert shown(other)[REQUESTS] == number


def test_gauges_of_other_workers_are_told_without_a_scrape_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ops.metrics.GAUGES_EVERY_S", 0.001)
    one, other = Metrics(tmp_path), Metrics(tmp_path)
    asked = threading.Semaphore(0)

    def value() -> int:
        asked.release()
        return 3

    one.gauge("store_reads_waiting", value)
    assert asked.acquire(timeout=20)
    assert asked.acquire(timeout=20)  # the second time it is asked, the first answer is stored
    assert shown(other)["store_reads_waiting"] == 3
    one.close()
    other.close()


COUNTING = """
import sys
from pathlib import Path
from app.ops.metrics import Metrics

metrics = Metrics(Path(sys.argv[1]))
metrics.gauge("answer_cache_entries", lambda: 100)
for _ in range(1_000):
    metrics.count("GET", "/v1/runs", 200, 0.002)
metrics.exposition({})
print("counted", flush=True)
sys.stdin.readline()
"""


@contextmanager
def worker(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that counts 1,000 requests and goes on living until it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", COUNTING, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == "counted\n"
            yield process
        finally:
            process.kill()


def test_counts_survive_killed_workers_and_their_gauges_do_not(tmp_path: Path) -> None:
    here = Metrics(tmp_path)
    ask(here, 1)
    for round_ in range(1, 4):
        with worker(tmp_path) as process:
            alive = shown(here)
            assert alive[REQUESTS] == 1_000 * round_ + 1
            assert (alive["http_workers"], alive["answer_cache_entries"]) == (2, 100)
            process.kill()
            process.wait()
            dead = shown(here)
            assert dead[REQUESTS] == 1_000 * round_ + 1
            assert dead["http_workers"] == 1
            assert "answer_cache_entries" not in dead
    assert len(list(tmp_path.iterdir())) == 2  # each took over the file of the one before
    here.close()


def test_a_scrape_never_shows_less_than_one_before(tmp_path: Path) -> None:
    scrapes = []
    with worker(tmp_path) as first, worker(tmp_path):
        here = Metrics(tmp_path)
        scrapes.append(shown(here)[REQUESTS])
        first.kill()
        first.wait()
        scrapes.append(shown(here)[REQUESTS])
        with worker(tmp_path):
            scrapes.append(shown(here)[REQUESTS])
        here.close()
    successor = Metrics(tmp_path)
    scrapes.append(shown(successor)[REQUESTS])
    successor.close()
    assert scrapes == [2_000, 2_000, 3_000, 3_000]


def test_counting_after_the_end_disturbs_no_successor(tmp_path: Path) -> None:
    before = Metrics(tmp_path)
    ask(before, 5)
    before.close()
    after = Metrics(tmp_path)
    ask(after, 1)
    ask(before, 5)
    assert shown(after)[REQUESTS] == 6
    after.close()


def test_a_worker_that_is_just_starting_is_left_alone(tmp_path: Path) -> None:
    here = Metrics(tmp_path)
    (tmp_path / "metrics-7").touch()
    assert shown(here)["http_workers"] == 1
    here.close()


def test_more_names_than_fit_fail_no_request_and_spoil_no_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "NAMES_BYTES", 2_000)
    metrics = Metrics()
    ask(metrics, 2)
    for number in range(1_000):
        metrics.count("GET", f"/{number}", 200, 0.1, 1)
    ask(metrics, 1)
    samples = shown(metrics)
    assert samples[REQUESTS] == 3
    assert samples[COUNT] == 3
    assert all(
        value in {0, 1} for name, value in samples.items() if 'route="/5"' in name and "sum" not in name
    )
