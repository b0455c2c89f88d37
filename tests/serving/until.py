"""Waiting for what another thread does."""

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], bool], within_s: float = 10) -> None:
    """Let the loop turn until a condition holds; TimeoutError where it does not in time."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - threads set no event of this loop
            await asyncio.sleep(0.001)
