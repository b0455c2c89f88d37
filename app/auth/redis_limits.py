"""Rate limits that several machines share: the buckets are in Redis (``APP_REDIS_URL``).

A process takes requests from a bucket for itself in advance and then admits so many without asking anybody:
that is a lease. It holds one request at first, twice as many where the one before was used up in half a
second, and never more than a hundredth of the rate; what is not used within a second is lost. So a bucket
never gives more than it has, and in any ``L`` seconds a client gets at most what ``L + 1`` allow; what a
process loses of a client's rate is less than what it admits, and nothing where requests come singly.

While Redis does not answer every machine counts by itself, as without Redis: no request fails for it.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from app.auth.limits import Limits
from app.auth.quota import SECOND_NS, Policy, Standing, refused
from app.errors import AppError, ConfigurationError

#: How long a lease may be used.
LEASE_NS = SECOND_NS
#: The most that a lease holds, as a part of what the rate allows at once.
PART = 100
#: Clients whose lease this process remembers.
REMEMBERED = 10_000
#: How long Redis may take for an answer, and for how long it is left alone after it gave none.
TIMEOUT_S, PAUSE_S = 0.25, 1.0
CONNECTIONS = 8
#: Takes up to ARGV[3] requests from a bucket; returns how many there were, and the microseconds until it is
#: full again. Redis' clock counts for all; since 2023-11-14 its doubles tell 1/64 of a microsecond apart.
TAKE = """
local time = redis.call('TIME')
local now = (time[1] - 1700000000) * 1000000 + time[2]
local interval, depth, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local used = (tonumber(redis.call('GET', KEYS[1])) or 0) - now
if used < 0 or used > depth + 1 then used = 0 end
local taken = math.max(0, math.min(wanted, math.floor((depth - used) / interval + 0.001)))
if taken > 0 then
  used = used + taken * interval
  redis.call('SET', KEYS[1], string.format('%.3f', now + used), 'PX', math.ceil(used / 1000) + 1)
end
return {taken, math.ceil(used)}
"""
log = logging.getLogger(__name__)


class MustAsk(AppError):
    """Whether a request is one too many is not known here: Redis has to be asked."""


class RedisBuckets:
    """The buckets in Redis, for as many limits as there are. Nothing connects before the first question."""

    def __init__(self, url: str) -> None:
        try:
            from redis.asyncio import Redis  # late: an extra
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import ConnectionError as Closed
            from redis.exceptions import RedisError
        except ImportError:
            raise ConfigurationError(
                "APP_REDIS_URL needs a package that is not installed", "pip install '.[redis]'"
            ) from None
        self._redis = Redis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 1, (Closed,)),  # a connection that Redis has closed meanwhile
        )
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._take = self._redis.register_script(TAKE)
        self._failures: tuple[type[Exception], ...] = (RedisError, OSError)
        self._silent_until = 0.0
        #: Whether the last question was answered.
        self.answers = True

    @property
    def silent(self) -> bool:
        """Whether Redis gave no answer a moment ago."""
        return not self.answers and time.monotonic() < self._silent_until

    async def take(self, name: str, key: str, kept: Policy, wanted: int) -> tuple[int, int] | None:
        """Take up to so many requests; return how many there were, and the nanoseconds until all are back.

        None where Redis does not answer.
        """
        period = kept.rate.period_s * 1_000_000
        numbers = (period / kept.rate.requests, period, wanted)
        async with self._free:
            if self.silent:  # since this question began to wait
                return None
            if not self.answers:  # this question is to find out; others do not wait for it
                self._silent_until = time.monotonic() + PAUSE_S
            try:
                taken, used = await self._take(keys=[f"movie-marts:limit:{name}:{key}"], args=numbers)
            except self._failures as error:
                self._failed(error)
                return None
        if not self.answers:
            self.answers = True
            log.warning("Redis answers again: rate limits are shared")
        return int(taken), int(used) * 1000

    def _failed(self, error: Exception) -> None:
        self._silent_until = time.monotonic() + PAUSE_S
        if self.answers:
            self.answers = False
            log.warning("Redis does not answer, each machine limits rates by itself: %s", error)

    async def aclose(self) -> None:
        """End the connections."""
        await self._redis.aclose()


class _Lease:
    """What this process may admit of a client without asking; ``left`` of 0 before ``until`` is a refusal."""

    __slots__ = ("full_at", "left", "lock", "policy", "size", "until")

    def __init__(self) -> None:
        self.policy: Policy | None = None
        self.left = self.size = self.until = self.full_at = 0
        self.lock = asyncio.Lock()


class RedisLimits:
    """As ``Limits``, counted in Redis; ``local`` has the rates, and counts where Redis does not answer."""

    def __init__(
        self, local: Limits, buckets: RedisBuckets, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._local = local
        self._buckets = buckets
        self._clock = clock
        self._leases: dict[str, _Lease] = {}

    def take(self, client_id: str) -> Standing | None:
        """Count one request of a client from its lease.

        Raises:
            RateLimited: it is one too many.
            MustAsk: there is no lease.
        """
        kept = self._local.policy_of(client_id)
        if kept is None:
            return None
        if self._buckets.silent:
            return self._local.take(client_id)
        lease, now = self._leases.get(client_id), self._clock()
        if lease is None or lease.policy is not kept or now >= lease.until:
            raise MustAsk("Redis counts this client's requests")
        if lease.size and not lease.left:
            raise MustAsk("what was taken in advance is used up")
        return _use(lease, kept, now)

    async def ask(self, client_id: str) -> Standing | None:
        """Count one request of a client, and take more in advance where it asks much.

        Raises:
            RateLimited: it is one too many.
        """
        lease = self._leases.get(client_id)
        if lease is None:
            if len(self._leases) >= REMEMBERED:
                self._leases.clear()
            lease = self._leases[client_id] = _Lease()
        async with lease.lock:
            try:
                return self.take(client_id)
            except MustAsk:
                pass
            kept = self._local.policy_of(client_id)
            if kept is None or not await self._renew(client_id, lease, kept):
                return self._local.take(client_id)
            return _use(lease, kept, self._clock())

    async def _renew(self, client_id: str, lease: _Lease, kept: Policy) -> bool:
        """Take a new lease; return whether Redis answered."""
        answer = await self._buckets.take(self._local.name, client_id, kept, self._wanted(lease, kept))
        if answer is None:
            return False
        taken, used = answer
        now = self._clock()
        lease.policy, lease.size, lease.left = kept, taken, taken
        lease.full_at = now + used
        # A bucket fills with time and with nothing else: nobody gets anything before this moment.
        lease.until = now + LEASE_NS if taken else lease.full_at + kept.interval - kept.depth
        return True

    def _wanted(self, lease: _Lease, kept: Policy) -> int:
        """Return how much a client should have after what it made of its last lease."""
        time_left = lease.until - self._clock()
        if lease.policy is not kept or lease.left or time_left <= 0:
            return 1
        size = 2 * lease.size if time_left > LEASE_NS // 2 else lease.size
        return max(1, min(size, kept.rate.requests // PART))


def _use(lease: _Lease, kept: Policy, now: int) -> Standing:
    """Count one request of a lease; RateLimited where Redis gave none."""
    used = max(0, lease.full_at - now)
    if lease.size == 0:
        raise refused(kept, used)
    lease.left -= 1
    return Standing(kept, max(0, used - lease.left * kept.interval))
