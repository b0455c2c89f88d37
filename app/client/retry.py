"""When to try again, and how long to wait before."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from app.client.errors import MartsError, Problem, TokenRefused, Unreachable

#: Answers that another attempt may better; every request of this client may be repeated.
TRANSIENT = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Retry:
    """Bounds of trying again: so many attempts in all, no single wait longer than ``longest_wait_s``.

    What the server asks for in ``Retry-After`` is what is waited; where that is too long, there is no other
    attempt. Without it waits double from ``first_wait_s``, with jitter so that clients spread.
    """

    attempts: int = 4
    first_wait_s: float = 0.25
    longest_wait_s: float = 30.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def wait(self, attempt: int, error: MartsError) -> bool:
        """Wait before the next attempt; False where there is none. ``attempt`` counts from 1."""
        seconds = self._seconds(attempt, error)
        if attempt >= self.attempts or not _transient(error) or seconds > self.longest_wait_s:
            return False
        self.sleep(seconds)
        return True

    def _seconds(self, attempt: int, error: MartsError) -> float:
        if error.retry_after_s is not None:
            return error.retry_after_s
        doubled = min(self.first_wait_s * 2.0 ** (attempt - 1), self.longest_wait_s)
        return doubled * random.uniform(0.5, 1)  # noqa: S311 - spreads clients, guards nothing


def _transient(error: MartsError) -> bool:
    if isinstance(error, Problem | TokenRefused):
        return error.status in TRANSIENT
    return isinstance(error, Unreachable)
