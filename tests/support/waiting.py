"""Waiting for what another thread or process does."""

import asyncio
import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> bool:
    """Say whether something becomes true within some seconds."""
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return met


async def until(holds: Callable[[], bool], within_s: float = 10) -> None:
    """Let the loop turn until a condition holds; TimeoutError where it does not in time."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - threads set no event of this loop
            await asyncio.sleep(0.001)
