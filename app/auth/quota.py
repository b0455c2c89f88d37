"""What a client may ask and how much of it is left, as counted and as answers say it.

The headers are those of draft-ietf-httpapi-ratelimit-headers-11: ``RateLimit-Policy`` is the same for every
answer under a policy, ``RateLimit`` is what one answer leaves.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from app.errors import AppError
from app.settings import Rate

SECOND_NS = 1_000_000_000
#: Name in the state of a request of the ``Standing`` that its answer tells.
STANDING = "rate limit"


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A rate in the terms of a bucket: ``depth`` nanoseconds of it hold ``depth / interval`` requests.

    ``lines`` are both headers with places for what is left and for the seconds of it. See ``policy``.
    """

    rate: Rate
    interval: int
    depth: int
    header: bytes
    lines: bytes


@cache
def policy(rate: Rate, name: str) -> Policy:
    """Return the policy of a rate, the same object every time; ``name`` is what headers call it."""
    interval = rate.period_s * SECOND_NS // rate.requests
    header = f'"{name}";q={rate.requests};w={rate.period_s}'.encode()
    lines = b'ratelimit-policy: %b\r\nratelimit: "%b";r=%%d;t=%%d\r\n' % (header, name.encode())
    return Policy(rate, interval, interval * rate.requests, header, lines)


class Standing(NamedTuple):
    """How a client stands after a request: so many nanoseconds from now its bucket is full again."""

    policy: Policy
    used: int

    @property
    def left(self) -> tuple[int, int]:
        """Return the requests that are left, and the seconds that they are for.

        Those are the seconds until as many as ever are left, or where none is, until there is one: a client
        that is refused reads the same from ``Retry-After`` (draft, section 6).
        """
        kept, used = self
        requests = (kept.depth - used) // kept.interval
        if requests <= 0:
            return 0, -(-(used + kept.interval - kept.depth) // SECOND_NS)
        return requests, -(-used // SECOND_NS)

    def lines(self) -> bytes:
        """Return the headers as they are sent."""
        return self.policy.lines % self.left

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers as servers take them (ASGI)."""
        return [
            (name, value) for name, _, value in (line.partition(b": ") for line in self.lines().splitlines())
        ]


class RateLimited(AppError):
    """429: somebody asked too much lately; ``retry_after_s`` whole seconds from now they may ask again."""

    exit_code = 6
    retryable = True

    def __init__(self, message: str, retry_after_s: int, standing: Standing | None = None) -> None:
        super().__init__(message, f"try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s
        self.standing = standing


def refused(kept: Policy, used: int) -> RateLimited:
    """Return the refusal of one request too many; the bucket is full again in ``used`` nanoseconds."""
    wait = used + kept.interval - kept.depth
    return RateLimited(f"no more than {kept.rate} requests", -(-wait // SECOND_NS), Standing(kept, used))
