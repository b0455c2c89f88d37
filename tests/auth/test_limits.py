"""Rate limits: at most the documented number at once, then one per interval, for each client by itself."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from app.auth.buckets import REMEMBERED, SETS, WAYS
from app.auth.limits import Limits, RateLimited
from app.settings import Rate

SECOND = 1_000_000_000
TEN_A_SECOND = Rate(10, 1)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, seconds: float = 5_000.0) -> None:
        self.now = round(seconds * SECOND)

    def __call__(self) -> int:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)


def admitted(limits: Limits, client: str, attempts: int) -> int:
    """Return how many requests in a row are admitted before one is refused."""
    for number in range(attempts):
        try:
            limits.take(client)
        except RateLimited:
            return number
    return attempts


def refused_for(limits: Limits, client: str) -> int:
    """Return how long a client is told to wait."""
    with pytest.raises(RateLimited) as refused:
        limits.take(client)
    return refused.value.retry_after_s


@pytest.mark.parametrize(
    "rate", [Rate(1, 1), Rate(7, 60), Rate(600, 60), Rate(9_999, 3600), Rate(100_000, 1)]
)
def test_so_many_at_once_and_then_no_more(rate: Rate) -> None:
    assert admitted(Limits(rate, clock=Clock()), "a", rate.requests + 5) == rate.requests


def test_clients_do_not_share() -> None:
    limits = Limits(TEN_A_SECOND, clock=Clock())
    assert [admitted(limits, client, 20) for client in ("a", "b", "a", "")] == [10, 10, 0, 10]


def test_it_refills_one_by_one() -> None:
    clock = Clock()
    limits = Limits(TEN_A_SECOND, clock=clock)
    admitted(limits, "a", 10)
    clock.move(0.0999)
    assert admitted(limits, "a", 5) == 0
    clock.move(0.0001)
    assert admitted(limits, "a", 5) == 1
    clock.move(0.35)
    assert admitted(limits, "a", 5) == 3
    clock.move(3600)
    assert admitted(limits, "a", 100) == 10


def test_over_a_long_time_the_rate_is_what_it_says() -> None:
    clock = Clock()
    limits = Limits(Rate(600, 60), clock=clock)
    answers = 0
    for _ in range(600):  # ten minutes, much more asked than allowed
        answers += admitted(limits, "a", 1_000)
        clock.move(1)
    assert answers == 600 + 10 * 599


def test_who_is_refused_is_not_set_back() -> None:
    clock = Clock()
    limits = Limits(Rate(1, 1), clock=clock)
    assert admitted(limits, "a", 1) == 1
    for _ in range(9):
        clock.move(0.1)
        assert admitted(limits, "a", 1) == 0
    clock.move(0.1)
    assert admitted(limits, "a", 1) == 1


@pytest.mark.parametrize(
    ("rate", "waited", "told"),
    [(Rate(600, 60), 0, 1), (Rate(1, 60), 0, 60), (Rate(1, 60), 59.5, 1), (Rate(2, 3600), 0.5, 1800)],
)
def test_whoever_waits_as_long_as_told_is_admitted(rate: Rate, waited: float, told: int) -> None:
    clock = Clock()
    limits = Limits(rate, clock=clock)
    admitted(limits, "a", rate.requests)
    clock.move(waited)
    assert refused_for(limits, "a") == told
    clock.move(told - 1)
    assert told == 1 or admitted(limits, "a", 1) == 0
    clock.move(1)
    assert admitted(limits, "a", 1) == 1


def test_the_message_names_the_rate_and_no_client() -> None:
    limits = Limits(Rate(2, 60), clock=Clock())
    admitted(limits, "cl-secret", 2)
    with pytest.raises(RateLimited, match=r"^no more than 2/minute requests; try again in 30 s$"):
        limits.take("cl-secret")


def test_off_limits_nobody() -> None:
    assert admitted(Limits(None), "a", 10_000) == 10_000


def test_any_number_of_clients_in_bounded_memory() -> None:
    clock = Clock()
    limits = Limits(Rate(600, 60), clock=clock)
    tracemalloc.start()
    for number in range(5 * REMEMBERED):
        limits.take(f"client-{number}")
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 3_000_000 + 16 * SETS * WAYS


def test_more_clients_than_places_are_all_admitted_and_still_limited() -> None:
    clock = Clock()
    limits = Limits(TEN_A_SECOND, clock=clock)
    clients = [f"client-{number}" for number in range(SETS * WAYS + 10_000)]
    for client in clients:
        limits.take(client)
    assert admitted(limits, "newcomer", 20) == 10
    clock.move(10)
    assert [admitted(limits, client, 20) for client in clients[:100]] == [10] * 100


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Limits, Limits, Clock]:
    """Limits of two workers with one folder and one clock."""
    clock = Clock()
    return Limits(TEN_A_SECOND, tmp_path, clock), Limits(TEN_A_SECOND, tmp_path, clock), clock


def test_workers_count_together(pair: tuple[Limits, Limits, Clock]) -> None:
    one, other, clock = pair
    for limits in (one, other) * 5:
        limits.take("a")
    assert (refused_for(one, "a"), refused_for(other, "a")) == (1, 1)
    assert admitted(other, "b", 20) == 10
    clock.move(0.1)
    assert admitted(other, "a", 5) == 1
    assert admitted(one, "a", 5) == 0


def test_a_new_worker_goes_on_where_a_dead_one_stopped(
    pair: tuple[Limits, Limits, Clock], tmp_path: Path
) -> None:
    one, _, clock = pair
    admitted(one, "a", 7)
    one.close()
    assert admitted(Limits(TEN_A_SECOND, tmp_path, clock), "a", 20) == 3


def test_a_folder_from_before_the_clock_restarted_locks_nobody_out(tmp_path: Path) -> None:
    before = Limits(TEN_A_SECOND, tmp_path, Clock(1_000_000))
    admitted(before, "a", 10)
    before.close()
    assert admitted(Limits(TEN_A_SECOND, tmp_path, Clock(10)), "a", 20) == 10


ASKING = """
import sys
from pathlib import Path
from app.auth.limits import Limits, RateLimited
from app.settings import Rate

limits = Limits(Rate(50_000, 3600), Path(sys.argv[1]), clock=lambda: 5_000_000_000_000)
print("ready", flush=True)
sys.stdin.readline()
admitted = 0
for _ in range(40_000):
    try:
        limits.take("client")
        admitted += 1
    except RateLimited:
        pass
print(admitted)
"""


def test_processes_that_ask_at_the_same_time_get_exactly_the_limit(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ASKING, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    counts = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert min(counts) >= 10_000
    assert sum(counts) == 50_000
