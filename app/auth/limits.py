"""How much each client may ask: a token bucket per client, one for all workers of a server.

The bucket is kept as the moment when it will be full again (the generic cell rate algorithm, ITU-T I.371,
annex A): one number per client, and a bucket that is full needs none. Times are whole nanoseconds, so that
``600/minute`` is exactly 600 at once and then one each 100 ms.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from app.auth.buckets import Buckets
from app.errors import AppError
from app.settings import Rate

SECOND_NS = 1_000_000_000
FILE = "limits"


class RateLimited(AppError):
    """429: a client asked too much lately; ``retry_after_s`` whole seconds from now it may ask again."""

    exit_code = 6
    retryable = True

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message, f"try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class RateLimit(Protocol):
    """Counts requests of clients."""

    def take(self, client_id: str) -> None:
        """Count one request.

        Raises:
            RateLimited: it is one too many.
        """


class Limits:
    """The same rate for every client; None limits nothing. ``folder``: shared by the workers of a server."""

    def __init__(
        self,
        rate: Rate | None = None,
        folder: Path | None = None,
        clock: Callable[[], int] = time.monotonic_ns,  # one clock for all processes of a machine
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._interval = rate.period_s * SECOND_NS // rate.requests if rate else 0
        self._depth = self._interval * rate.requests if rate else 0
        self._buckets = Buckets(folder / FILE if folder and rate else None)

    def take(self, client_id: str) -> None:
        """Count one request of a client.

        Raises:
            RateLimited: it is one too many.
        """
        if self._rate is None:
            return
        buckets = self._buckets
        buckets.lock()
        try:
            now = self._clock()
            place = buckets.find(client_id, now)
            full_at = buckets.full_at[place]
            if (
                not now < full_at <= now + self._depth
            ):  # full; or written before the machine's clock restarted
                full_at = now
            full_at += self._interval
            wait = full_at - now - self._depth
            if wait <= 0:
                buckets.full_at[place] = full_at
        finally:
            buckets.unlock()
        if wait > 0:
            raise RateLimited(f"no more than {self._rate} requests", -(-wait // SECOND_NS))

    def close(self) -> None:
        """Let go of the file."""
        self._buckets.close()
