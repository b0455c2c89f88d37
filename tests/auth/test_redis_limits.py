"""Rate limits in a real Redis: exact over processes, cheap, and never in the way when Redis is gone."""

import asyncio
import logging
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest

from app.auth import redis_limits
from app.auth.limits import Limits, RateLimited
from app.auth.quota import Policy, Standing, policy
from app.auth.redis_limits import PART, MustAsk, RedisBuckets, RedisLimits
from app.settings import Rate
from tests.support.redis import RedisServer, needs_redis, redis_server

pytestmark = needs_redis


@pytest.fixture(scope="module")
def shared() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def redis(shared: RedisServer) -> RedisServer:
    assert shared.say("FLUSHALL") == "+OK"
    return shared


@dataclass
class Process:
    """The limits of one process, as it would have them."""

    limits: RedisLimits
    buckets: RedisBuckets
    local: Limits

    async def admitted(self, client: str, attempts: int) -> int:
        """Return how many of so many requests are admitted, asked the way the server does."""
        return sum([await self.admits(client) for _ in range(attempts)])

    async def admits(self, client: str) -> bool:
        try:
            await self.take(client)
        except RateLimited:
            return False
        return True

    async def take(self, client: str) -> Standing | None:
        try:
            return self.limits.take(client)
        except MustAsk:
            return await self.limits.ask(client)


def run(
    server: RedisServer, rate: Rate, scenario: Callable[..., Awaitable[None]], processes: int = 1
) -> None:
    """Run a scenario with the limits of so many processes."""

    async def whole() -> None:
        made = []
        for _ in range(processes):
            local, buckets = Limits(rate), RedisBuckets(server.url)
            made.append(Process(RedisLimits(local, buckets), buckets, local))
        try:
            await scenario(*made)
        finally:
            for process in made:
                await process.buckets.aclose()

    asyncio.run(whole())


@pytest.mark.parametrize("rate", [Rate(1, 3600), Rate(7, 3600), Rate(40, 3600), Rate(999, 3600)])
def test_one_process_gets_exactly_the_limit(redis: RedisServer, rate: Rate) -> None:
    async def scenario(one: Process) -> None:
        assert await one.admitted("a", 3 * rate.requests) == rate.requests
        assert await one.admitted("b", 1) == 1

    run(redis, rate, scenario)


def test_processes_share_a_bucket(redis: RedisServer) -> None:
    async def scenario(one: Process, other: Process) -> None:
        counts = [await process.admitted("a", 1) for process in (one, other) * 50]
        assert counts == [1] * 30 + [0] * 70

    run(redis, Rate(30, 3600), scenario, processes=2)


def test_it_refills_by_the_clock_of_redis(redis: RedisServer) -> None:
    async def scenario(one: Process) -> None:
        assert await one.admitted("a", 20) == 10
        await asyncio.sleep(0.35)
        assert await one.admitted("a", 20) == 3

    run(redis, Rate(10, 1), scenario)


ASKING = """
import asyncio, sys
from app.auth.limits import Limits, RateLimited
from app.auth.redis_limits import MustAsk, RedisBuckets, RedisLimits
from app.settings import Rate

async def asked() -> int:
    buckets = RedisBuckets(sys.argv[1])
    limits, admitted = RedisLimits(Limits(Rate(5_000, 3600)), buckets), 0
    for _ in range(6_000):
        try:
            try:
                limits.take("client")
            except MustAsk:
                await limits.ask("client")
            admitted += 1
        except RateLimited:
            pass
    await buckets.aclose()
    return admitted

print(asyncio.run(asked()))
"""


def test_processes_that_ask_at_the_same_time_never_get_more(redis: RedisServer) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", ASKING, redis.url], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    counts = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert 5_000 - len(counts) * 5_000 // PART <= sum(counts) <= 5_000 + 5_000 // 3600 + 1


def test_a_busy_client_asks_redis_once_for_many(redis: RedisServer) -> None:
    async def scenario(one: Process) -> None:
        before = redis.taken()
        assert await one.admitted("a", 20_000) == 20_000
        assert redis.taken() - before < 50

    run(redis, Rate(100_000, 3600), scenario)


def test_a_client_that_asks_now_and_then_loses_nothing(redis: RedisServer) -> None:
    async def scenario(one: Process) -> None:
        for _ in range(3):
            standing = await one.take("a")
            await asyncio.sleep(1.05)  # longer than a lease
        assert standing is not None
        assert standing.left[0] == 200 - 3

    run(redis, Rate(200, 3600), scenario)


def test_who_is_refused_does_not_cost_redis_anything(redis: RedisServer) -> None:
    async def scenario(one: Process) -> None:
        assert await one.admitted("a", 10) == 2
        before = redis.taken()
        assert await one.admitted("a", 1_000) == 0
        assert redis.taken() == before

    run(redis, Rate(2, 3600), scenario)


def test_a_thousand_at_once_are_counted_one_by_one(redis: RedisServer) -> None:
    async def scenario(one: Process) -> None:
        before = redis.taken()
        admitted = await asyncio.gather(*(one.admits("a") for _ in range(1_000)))
        assert sum(admitted) == 300
        assert redis.taken() - before < 120  # three at a time, and all the others wait for those

    run(redis, Rate(300, 3600), scenario)


def test_what_is_left_counts_what_was_taken_in_advance(redis: RedisServer) -> None:
    async def scenario(one: Process) -> None:
        left = []
        for _ in range(100):
            standing = await one.take("a")
            assert standing is not None
            assert standing.policy is policy(Rate(1_000, 3600), "client")
            left.append(standing.left[0])
        assert left == list(range(999, 899, -1))

    run(redis, Rate(1_000, 3600), scenario)


def test_a_rate_of_its_own_holds_from_the_next_request(redis: RedisServer) -> None:
    own: dict[str, Policy | None] = {}

    async def scenario() -> None:
        buckets = RedisBuckets(redis.url)
        local = Limits(Rate(1_000, 3600), own=lambda: own)
        process = Process(RedisLimits(local, buckets), buckets, local)
        assert await process.admitted("a", 500) == 500
        own["a"] = policy(Rate(5, 3600), "client")
        assert await process.admitted("a", 50) <= 5
        own["b"] = policy(Rate(1, 3600), "client")
        assert await process.admitted("b", 2) == 1
        own["b"] = policy(Rate(100, 1), "client")  # less than an hour fits into it: it begins full
        assert await process.admitted("b", 50) == 50
        own["a"] = None
        assert await process.admitted("a", 2_000) == 2_000
        await buckets.aclose()

    asyncio.run(scenario())


def test_without_redis_each_machine_counts_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(one: Process) -> None:
        assert await one.admitted("a", 3) == 3
        server.stop()
        started = time.monotonic()
        assert await one.admitted("a", 50) == 10
        assert time.monotonic() - started < 1
        assert not one.buckets.answers
        server.start()
        one.buckets._silent_until = 0
        assert await one.admitted("a", 3) == 3
        assert one.buckets.answers

    with redis_server() as server, caplog.at_level(logging.WARNING, "app.auth.redis_limits"):
        run(server, Rate(10, 3600), scenario)
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "Redis does not answer, each machine limits rates by itself",
        "Redis answers again",
    ]


def test_a_redis_that_hangs_holds_nobody_up_for_long(redis: RedisServer) -> None:
    async def scenario(one: Process) -> None:
        assert await one.admits("a")
        redis.say("CLIENT PAUSE 1500 ALL")
        started = time.monotonic()
        assert await asyncio.gather(*(one.admits(f"client-{number}") for number in range(500)))
        assert await one.admitted("a", 100) == 100
        assert one.buckets.silent
        assert time.monotonic() - started < 1

    run(redis, Rate(1_000, 3600), scenario)


def test_any_number_of_clients_in_bounded_memory(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_limits, "REMEMBERED", 10)

    async def scenario(one: Process) -> None:
        assert [await one.admits(f"client-{number}") for number in range(95)] == [True] * 95
        assert len(one.limits._leases) <= 10

    run(redis, Rate(1, 3600), scenario)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(Exception, match=r"pip install '\.\[redis\]'"):
        RedisBuckets("redis://127.0.0.1:1/0")
