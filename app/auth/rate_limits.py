"""Every rate limit of one process, counted where the settings say."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from app.auth.limits import Limits, OwnPolicies, RateLimit
from app.auth.redis_limits import RedisBuckets, RedisLimits
from app.settings import Settings


@dataclass(frozen=True)
class RateLimits:
    """``clients`` ask the API; ``addresses`` and ``authenticated`` clients ask the OAuth2 endpoints.

    A client is limited there only once it has proved who it is. An id is no secret (RFC 6749, section 2.2):
    were failures counted by it, anybody could keep a client from its tokens.
    """

    clients: RateLimit
    addresses: RateLimit
    authenticated: RateLimit
    local: tuple[Limits, ...]
    redis: RedisBuckets | None = None

    @classmethod
    def open(cls, settings: Settings, own: Callable[[], OwnPolicies]) -> Self:
        """Open all of them; ``own`` returns the rates of clients that have one.

        Raises:
            ConfigurationError: Redis is configured and its package is missing.
        """
        folder = settings.shared_folder
        local = (
            Limits(settings.rate, folder, own=own),
            Limits(settings.token_rate, folder, name="address"),
            Limits(settings.token_rate, folder, name="token"),
        )
        if settings.redis_url is None or settings.rate is None:
            return cls(*local, local)
        redis = RedisBuckets(settings.redis_url.get_secret_value())
        clients, addresses, authenticated = (RedisLimits(limits, redis) for limits in local)
        return cls(clients, addresses, authenticated, local, redis)

    @property
    def alone(self) -> bool:
        """Whether this machine counts by itself because Redis did not answer the last question."""
        return self.redis is not None and not self.redis.answers

    async def aclose(self) -> None:
        """End the connections to Redis, in the loop that they belong to."""
        if self.redis is not None:
            await self.redis.aclose()

    def close(self) -> None:
        """Let go of the files."""
        for limits in self.local:
            limits.close()
