"""Several machines with one limit: servers of their own over one Redis, and what they do without it."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.redis import RedisServer, needs_redis, redis_server
from tests.support.server import Server, credentials, serving, token
from tests.support.waiting import wait_until

PATH = "/v1/runs"
pytestmark = needs_redis


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@dataclass
class Machines:
    """Servers that share clients and nothing else on this machine."""

    servers: list[Server]
    client: httpx.Client

    def get(self, number: int) -> int:
        """Ask one of them."""
        return self.client.get(self.servers[number % len(self.servers)].url + PATH).status_code

    def metric(self, number: int = 0) -> float:
        """Return how many workers of a server count by themselves."""
        text = self.client.get(self.servers[number].url + "/metrics").text
        found = [line for line in text.splitlines() if line.startswith("rate_limits_alone ")]
        return float(found[0].split()[1])


def machines(stack: ExitStack, home: Path, redis: RedisServer, rate: str, count: int = 2) -> Machines:
    """Start servers until the end of the block."""
    settings = {"APP_RATE_LIMIT": rate, "APP_REDIS_URL": redis.url}
    servers = [stack.enter_context(serving(home, **settings)) for _ in range(count)]
    client = stack.enter_context(httpx.Client())
    client.headers["Authorization"] = f"Bearer {token(servers[0].url, credentials(home))}"
    return Machines(servers, client)


@pytest.mark.parametrize(("rate", "allowed", "lost"), [("40/hour", 40, 0), ("1000/hour", 1000, 2 * 10)])
def test_two_servers_share_one_limit(
    tmp_path: Path, redis: RedisServer, rate: str, allowed: int, lost: int
) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(8) as threads:
        found = machines(stack, tmp_path, redis, rate)
        statuses = Counter(threads.map(found.get, range(allowed + 100)))
    assert statuses.keys() == {200, 429}
    assert allowed - lost <= statuses[200] <= allowed + 1  # one comes back while they ask


def test_addresses_are_counted_together_too(tmp_path: Path, redis: RedisServer) -> None:
    settings = {"APP_RATE_LIMIT": "600/minute", "APP_TOKEN_RATE_LIMIT": "6/hour", "APP_REDIS_URL": redis.url}
    with serving(tmp_path, **settings) as one, serving(tmp_path, **settings) as other:
        statuses = [
            httpx.post(f"{server.url}/oauth/token", auth=("nobody", "x"), data={"a": "b"}).status_code
            for server in (one, other) * 5
        ]
    assert statuses == [401] * 6 + [429] * 4


def test_no_request_fails_for_a_redis_that_is_gone(tmp_path: Path, redis: RedisServer) -> None:
    with ExitStack() as stack:
        found = machines(stack, tmp_path, redis, "600/hour", count=1)
        assert [found.get(0) for _ in range(20)] == [200] * 20
        assert found.metric() == 0
        redis.stop()
        assert {found.get(0) for _ in range(100)} == {200}
        assert found.metric() == 1
        redis.start()
        assert wait_until(lambda: found.get(0) == 200 and found.metric() == 0, 5)
    log = (tmp_path / "serve.log").read_text()
    assert log.count("Redis does not answer") == 1
    assert log.count("Redis answers again") == 1


def test_a_server_starts_without_its_redis_and_still_limits(tmp_path: Path, redis: RedisServer) -> None:
    redis.stop()
    with ExitStack() as stack:
        found = machines(stack, tmp_path, redis, "5/hour", count=1)
        assert [found.get(0) for _ in range(8)] == [200] * 5 + [429] * 3
    redis.start()
