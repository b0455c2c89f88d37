"""How much each client may ask: a token bucket per client, one for all workers of a server.

The bucket is kept as the moment when it will be full again (the generic cell rate algorithm, ITU-T I.371,
annex A): one number per client, and a bucket that is full needs none. Times are whole nanoseconds, so that
``600/minute`` is exactly 600 at once and then one each 100 ms.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from app.auth.buckets import Buckets
from app.auth.quota import Policy, RateLimited, Standing, policy, refused
from app.settings import Rate

__all__ = ["Limits", "RateLimit", "RateLimited"]

#: Rates of clients that have their own; None for one that is not limited.
OwnPolicies = Mapping[str, Policy | None]


class RateLimit(Protocol):
    """Counts requests of clients, or of addresses."""

    def take(self, client_id: str) -> Standing | None:
        """Count one request without waiting; None where nothing is limited.

        Raises:
            RateLimited: it is one too many.
            MustAsk: it takes a moment to find out; ``ask`` does.
        """

    async def ask(self, client_id: str) -> Standing | None:
        """Count one request, and wait where it takes a moment.

        Raises:
            RateLimited: it is one too many.
        """


class Limits:
    """Counts in memory. None as ``rate`` limits nothing; ``folder`` is shared by the workers of a server."""

    def __init__(
        self,
        rate: Rate | None = None,
        folder: Path | None = None,
        clock: Callable[[], int] = time.monotonic_ns,  # one clock for all processes of a machine
        name: str = "client",
        own: Callable[[], OwnPolicies] = dict,
    ) -> None:
        self.name = name
        self._policy = policy(rate, name) if rate else None
        self._own = own
        self._clock = clock
        self._buckets = Buckets(folder / f"limits-{name}" if folder and rate else None)

    def policy_of(self, client_id: str) -> Policy | None:
        """Return what a client may ask; None where it is not limited, and where nobody is."""
        return self._own().get(client_id, self._policy) if self._policy else None

    def take(self, client_id: str) -> Standing | None:
        """Count one request of a client.

        Raises:
            RateLimited: it is one too many.
        """
        if self._policy is None:
            return None
        kept = self._own().get(client_id, self._policy)
        if kept is None:
            return None
        buckets = self._buckets
        buckets.lock()
        try:
            now = self._clock()
            place = buckets.find(client_id, now)
            used = buckets.full_at[place] - now
            if (
                not 0 < used <= kept.depth
            ):  # full; or written under another rate, or before the clock restarted
                used = 0
            admitted = used + kept.interval <= kept.depth
            if admitted:
                used += kept.interval
                buckets.full_at[place] = now + used
        finally:
            buckets.unlock()
        if not admitted:
            raise refused(kept, used)
        return Standing(kept, used)

    async def ask(self, client_id: str) -> Standing | None:
        """Count one request; nothing here takes longer than a moment.

        Raises:
            RateLimited: as ``take`` does.
        """
        return self.take(client_id)

    def close(self) -> None:
        """Let go of the file."""
        self._buckets.close()
