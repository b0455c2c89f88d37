"""The local mart store that requests read: a SQLite file, opened read-only and kept open.

A page is read faster than handed to another thread, so every question is tried on the event loop's thread
first. One that takes longer than a moment is interrupted and asked again on a lane, beside the loop; for a
while the like of it goes there at once.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from app.errors import NothingPublished, UnknownRun
from app.marts.definitions import Dimension
from app.marts.tables import DIMENSION_TABLES, SEARCH_KEY
from app.serving.conditions import Kind
from app.serving.direct import Marts, NotHere, Source, rows_of
from app.serving.errors import StatementTimeout
from app.serving.lanes import Lane
from app.serving.relations import of_run
from app.serving.session import Session, State, renewed
from app.serving.slow import Slow
from app.serving.statement import Compiled, Shape, compiled, of_shape
from app.warehouse import runs
from app.warehouse.runs import Run

__all__ = ["MartStore", "Snapshot", "State"]

#: The file is looked at again after so long: what was published until then may be answered from before.
FRESH_FOR_S = 0.01
#: Database time that a question may take of the event loop, which answers nobody else meanwhile.
ON_LOOP_S = 0.002
#: Threads for questions that take long, and how many more may wait. Exports have a lane of their own.
THREADS, WAITING = 2, 64
#: Threads for questions that wait for the warehouse, which has processors of its own.
WAITERS = 8

#: Look-ups of members that are remembered, some 300 bytes each.
MEMBERS = 4_096

#: How often the time is looked at, in instructions of SQLite's machine: on the loop every 20 us or so; on
#: a thread seldom, because each look waits for the interpreter's lock.
_LOOP_CHECKS, _LANE_CHECKS = 1_000, 200_000
#: More characters than a run id has; what is longer is not worth repeating in an error.
_MAX_RUN_ID = 64
_COLUMNS: Mapping[Kind, str] = {"key": "id", "slug": "slug", "name": "name"}

T = TypeVar("T")


class Snapshot:
    """What one question sees: one state of the store, whatever is published meanwhile."""

    def __init__(self, session: Session, state: State, marts: Marts | None = None) -> None:
        self._session = session
        self._state = state
        self._marts = marts

    @property
    def lists(self) -> bool:
        """Whether the store has the marts, and what their load worked out of them."""
        return self._marts is None

    @property
    def marts(self) -> Connection:
        """SQLAlchemy's view of the rows of marts, wherever they are."""
        return self.catalogue if self._marts is None else self._marts.connection

    def page(self, shape: Shape, values: Mapping[str, Any]) -> tuple[Compiled, Mapping[str, Any]]:
        """Return the statement of a page, and what it binds: its rows themselves, if they had to be fetched.

        Raises:
            InvalidParameters: a sum asked for does not fit 64 bits.
        """
        if self._marts is None:
            return of_shape(shape), values
        return rows_of(self._marts.connection, shape, values)

    @property
    def catalogue(self) -> Connection:
        """SQLAlchemy's view of the same state, for what reads the run catalogue."""
        self._session.count_from_here()
        return self._session.catalogue

    def rows(self, statement: Compiled, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows.

        Raises:
            InvalidParameters: a sum asked for does not fit 64 bits.
        """
        return self._session.rows(statement, values)

    def ids(self, dimension: Dimension, kind: Kind, value: str | int, run: Run) -> list[int]:
        """Return the ids of the members whose key, slug or name is a value, or whose search key has it."""
        known, key = self._state.members, (run.seq, dimension.name, kind, value)
        found = known.get(key)
        if found is None:
            rows = self.rows(_members(dimension.name, kind), {"run": run.seq, "value": value})
            found = [row[0] for row in rows]
            if found and kind != "part":  # a value that there is none of may be any text, of any length
                if len(known) >= MEMBERS:
                    known.clear()
                known[key] = found
        return found

    @property
    def current(self) -> Run | None:
        """The published run, None where nothing is published."""
        return self._state.current

    def published(self) -> Run:
        """Return the published run.

        Raises:
            NothingPublished: there is none yet.
        """
        run = self._state.current
        if run is None:
            raise NothingPublished("no run is published yet")
        return run

    def find(self, run_id: str) -> Run:
        """Return a kept run by id, published or not.

        Raises:
            UnknownRun: there is none.
            PrunedRun: its rows were deleted.
        """
        if len(run_id) > _MAX_RUN_ID:
            raise UnknownRun(f"no run of an id of {len(run_id)} characters")
        return runs.find(self.catalogue, run_id)

    def once_published(self, run_id: str) -> Run:
        """Return a kept run that is or was published; others are unknown to readers.

        Raises:
            UnknownRun: there is none.
            PrunedRun: its rows were deleted.
        """
        run = self._state.kept.get(run_id)
        if run is None:
            self.find(run_id)
            raise UnknownRun(f"run {run_id} was never published")
        return run


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
            self._session = renewed(self._session, self._path, _LOOP_CHECKS, self._slow)
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
        return await self._lane.run(partial(self._ask, question, budget_s))

    def close(self) -> None:
        self._closing = True
        for session in self._busy.copy():
            session.interrupt()
        self._lane.close()
        for idle in self._idle:
            if idle is not None:
                idle.close()

    def _ask(self, question: Callable[[Snapshot], T], budget_s: float) -> T:
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


@lru_cache
def _members(dimension: str, kind: Kind) -> Compiled:
    table = DIMENSION_TABLES[dimension]
    value: BindParameter[Any] = bindparam("value")
    same = func.instr(table.c[SEARCH_KEY], value) > 0 if kind == "part" else table.c[_COLUMNS[kind]] == value
    return compiled(select(table.c.id).where(of_run(table), same))
