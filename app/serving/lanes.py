"""Lanes: threads beside the event loop for questions that take long, few of them and with bounded waiting."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from app.serving.errors import Saturated

T = TypeVar("T")


class Lane:
    """A few threads that share one queue of bounded length."""

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._places = threading.BoundedSemaphore(threads + waiting)
        self._threads, self._waiting = threads, waiting
        self._inside: set[Future[Any]] = set()

    @property
    def running(self) -> int:
        """How many are being worked on."""
        return sum(future.running() for future in self._inside.copy())

    @property
    def waiting(self) -> int:
        """How many wait for a thread."""
        return sum(not (future.running() or future.done()) for future in self._inside.copy())

    @property
    def full(self) -> bool:
        """Whether one more would be refused."""
        return len(self._inside) >= self._threads + self._waiting

    async def run(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns on a thread.

        Where the caller is cancelled, work that waits is dropped; what runs ends by its own limit, and keeps
        its place until then.

        Raises:
            Saturated: too many wait already.
        """
        if not self._places.acquire(blocking=False):
            raise Saturated(f"{self._waiting} questions that take long are waiting", "ask again later")
        try:
            future = self._pool.submit(work)
        except BaseException:
            self._places.release()
            raise
        self._inside.add(future)
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Drop what waits, and return when what runs has ended."""
        self._pool.shutdown(cancel_futures=True)

    def _leave(self, future: Future[Any]) -> None:
        self._inside.discard(future)
        self._places.release()
