"""The local mart store that requests read: a SQLite file, opened read-only and kept open.

A page is read faster than handed to another thread, so every question is tried on the event loop's thread
first. One that takes longer than a moment is interrupted and asked again on a lane, beside the loop; for a
while the like of it goes there at once.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TypeVar

from app.serving.direct import NotHere, Source
from app.serving.errors import StatementTimeout
from app.serving.lanes import Lane
from app.serving.session import Session, State, renewed
from app.serving.slow import Slow
from app.serving.snapshot import Snapshot

__all__ = ["MartStore", "Snapshot", "State"]

#: The file is looked at again after so long: what was published until then may be answered from before.
FRESH_FOR_S = 0.01
#: Database time that a question may take of the event loop, which answers nobody else meanwhile.
ON_LOOP_S = 0.002
#: Threads for questions that take long, and how many more may wait. Exports have a lane of their own.
THREADS, WAITING = 2, 64
#: Threads for questions that wait for the warehouse, which has processors of its own.
WAITERS = 8
#: It has so long for an answer beside the time of its statements: a server that hangs ends none of them.
ANSWERS_WITHIN_S = 5.0

#: How often the time is looked at, in instructions of SQLite's machine: on the loop every 20 us or so; on
#: a thread seldom, because each look waits for the interpreter's lock.
_LOOP_CHECKS, _LANE_CHECKS = 1_000, 200_000

T = TypeVar("T")


class MartStore:
    """Opens the file when first needed, and anew when it was replaced or the published pointer moved."""

    def __init__(self, path: Path, statement_timeout_s: float = 10, direct: Source | None = None) -> None:
        """``direct``: where the rows of marts are, if not in the file."""
        self._path = path
        self._not_here = NotHere() if direct else None
        self._timeout_s = statement_timeout_s
        self._session: Session | None = None
        self._slow = Slow()
        self._look_at = 0.0
        self._state: State | None = None
        self._lane = _Threads(path, "store-lane", WAITERS if direct else THREADS, direct)
        self._bulk = _Threads(path, "store-bulk", 1, direct)

    def state(self) -> State:
        """Return what is published and kept: the same object until that changes.

        Raises:
            StoreFailure: the store cannot be read, or is not migrated yet.
        """
        if self._state is None or time.monotonic() >= self._look_at:
            self._state = None  # where the look fails, the next one is not put off
            self._state = self._own().ask(lambda state: state, ON_LOOP_S)
            self._look_at = time.monotonic() + FRESH_FOR_S
        return self._state

    async def read(self, question: Callable[[Snapshot], T], *, bulk: bool = False) -> T:
        """Answer a question from one state of the store; it may be asked twice and must be repeatable.

        Only the time of its statements counts, so that no slow reader is cut off. ``bulk`` is for what is
        known to be long: it goes to a thread at once, and never in the way of other questions.

        Raises:
            StoreFailure: the store cannot be read, or is not migrated yet.
            StatementTimeout: its statements take longer than ``APP_STATEMENT_TIMEOUT``.
            Saturated: too many questions that take long are waiting.
        """
        if bulk:
            return await self._bulk.ask(question, self._timeout_s)
        if self._lane.full:
            self._slow.clear()
        try:
            return self.read_at_once(question)
        except StatementTimeout:
            return await self._lane.ask(question, self._timeout_s)

    def read_at_once(self, question: Callable[[Snapshot], T]) -> T:
        """Answer a question on the event loop's thread.

        Raises:
            StoreFailure: as above.
            StatementTimeout: its statements take longer than a moment, or lately did.
        """
        return _ask(self._own(), question, min(ON_LOOP_S, self._timeout_s), self._not_here)

    @property
    def running(self) -> int:
        """How many questions are being answered beside the event loop."""
        return self._lane.running + self._bulk.running

    @property
    def waiting(self) -> int:
        """How many questions wait for a thread beside the event loop."""
        return self._lane.waiting + self._bulk.waiting

    def close(self) -> None:
        """Interrupt what runs, end the threads and close the file."""
        for threads in (self._lane, self._bulk):
            threads.close()
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _own(self) -> Session:
        if self._session is None or self._session.stale or time.monotonic() >= self._look_at:
            before = self._session
            self._session = renewed(before, self._path, _LOOP_CHECKS, self._slow)
            if before is not None and before.identity != self._session.identity:
                for threads in (self._lane, self._bulk):
                    threads.let_go()
        return self._session


def _ask(session: Session, question: Callable[[Snapshot], T], budget_s: float, source: Source | None) -> T:
    def answer(state: State) -> T:
        with source.asked() if source else nullcontext() as marts:
            return question(Snapshot(session, state, marts))

    return session.ask(answer, budget_s)


class _Threads:
    """A lane whose threads have a session each."""

    def __init__(self, path: Path, name: str, threads: int, direct: Source | None) -> None:
        self._path = path
        self._direct = direct
        self._lane = Lane(name, threads, WAITING)
        self._idle: list[Session | None] = [None] * threads
        self._busy: set[Session] = set()
        self._closing = False
        self._taking = threading.Lock()

    @property
    def running(self) -> int:
        return self._lane.running

    @property
    def waiting(self) -> int:
        return self._lane.waiting

    @property
    def full(self) -> bool:
        return self._lane.full

    async def ask(self, question: Callable[[Snapshot], T], budget_s: float) -> T:
        asked = self._lane.run(partial(self._ask, question, budget_s))
        if self._direct is None:
            return await asked
        try:
            async with asyncio.timeout(budget_s + ANSWERS_WITHIN_S):
                return await asked
        except TimeoutError as error:
            raise StatementTimeout("the warehouse does not answer", "ask again later") from error

    def close(self) -> None:
        self._closing = True
        for session in self._busy.copy():
            session.interrupt()
        self._lane.close()
        for idle in self._idle:
            if idle is not None:
                idle.close()

    def let_go(self) -> None:
        """Close the sessions that nobody uses: of a file that was replaced they hold the room on the disk."""
        with self._taking:
            idle, self._idle[:] = self._idle.copy(), [None] * len(self._idle)
        for session in idle:
            if session is not None:
                session.close()

    def _ask(self, question: Callable[[Snapshot], T], budget_s: float) -> T:
        with self._taking:
            session = self._idle.pop()
        try:
            session = renewed(session, self._path, _LANE_CHECKS)
            return self._busily(session, question, budget_s)
        finally:
            self._idle.append(session)

    def _busily(self, session: Session, question: Callable[[Snapshot], T], budget_s: float) -> T:
        self._busy.add(session)
        try:
            if self._closing:
                session.interrupt()
            return _ask(session, question, budget_s, self._direct)
        finally:
            self._busy.discard(session)
