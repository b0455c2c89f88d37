"""One open mart store: a read-only SQLite connection, what is published in it, and a limit of its time."""

import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from app.errors import StoreFailure
from app.marts.catalog import publication_table, run_table
from app.serving.errors import NoStore, StatementTimeout, invalid
from app.serving.slow import Slow
from app.serving.statement import Compiled, compiled
from app.warehouse import runs
from app.warehouse.runs import Run

#: So long somebody else's exclusive lock is waited for: the event loop stands still meanwhile. In WAL mode
#: nobody needs one in daily work.
_BUSY_TIMEOUT_S = 0.01
_NEVER = float("inf")
#: On the event loop a statement's own time counts, and not that in which the machine did something else. But
#: where it waits, for a disk say, others wait as well: no longer than so many times its budget.
_PATIENCE = 5
_PUBLICATION = compiled(
    select(
        select(func.max(publication_table.c.seq)).scalar_subquery(),
        select(func.group_concat(run_table.c.seq))
        .where(run_table.c.pruned_at.is_(None), run_table.c.published_at.is_not(None))
        .scalar_subquery(),
    )
)
T = TypeVar("T")
Seen = tuple[int | None, str | None]
Identity = tuple[int, int]


@dataclass(frozen=True, eq=False)
class State:
    """What readers can ask for: the published run, and by id the kept runs that are or were published."""

    current: Run | None
    kept: Mapping[str, Run]
    #: Members that were looked up lately: the ids of a run's members never change.
    members: dict[tuple[Any, ...], list[int]] = field(default_factory=dict)


class Session:
    """Reads the store on one thread at a time; questions see one state of it each, for so long."""

    def __init__(self, path: Path, identity: Identity, check_every: int, slow: Slow | None = None) -> None:
        """Open the file. The time is looked at every ``check_every`` instructions of SQLite's machine.

        ``slow`` learns which statements took too long, and lets none of them begin: for the event loop's
        thread, whose time is counted as the processor gave it.
        """
        self.identity = identity
        self._slow = slow
        self._clock, self._patience = (time.thread_time, _PATIENCE) if slow else (time.monotonic, 1)
        self.stale = False
        self._version: int | None = None
        self._seen: Seen | None = None
        self._state: State | None = None
        self._left_s = self._waits_s = 0.0
        self._until = self._latest = _NEVER
        self._interrupted = False
        self.driver = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=_BUSY_TIMEOUT_S,
            isolation_level=None,  # transactions are begun by hand
            check_same_thread=False,
        )
        self.driver.set_progress_handler(self._is_over, check_every)
        self.catalogue = _by_sqlalchemy(self.driver)

    def follows(self, before: "Session") -> "Session":
        """Take over what a session of the same file knew, so that a state that stays is the same object."""
        self._seen, self._state = before._seen, before._state
        return self

    def ask(self, question: Callable[[State], T], budget_s: float) -> T:
        """Answer a question from one state of the store, with so much time for its statements.

        Raises:
            StatementTimeout: they took longer.
            StoreFailure: the store cannot be read, or is not migrated yet.
        """
        self._left_s, self._waits_s = budget_s, budget_s * self._patience
        try:
            self.driver.execute("BEGIN")
            try:
                return question(self._follow())
            finally:
                self._until = self._latest = _NEVER
                self.driver.execute("ROLLBACK")
        except (sqlite3.Error, DBAPIError) as error:
            if _code(error) == sqlite3.SQLITE_INTERRUPT:
                raise _timeout(budget_s) from error
            self.stale, self._state = True, None
            raise failure(error) from error

    def rows(self, statement: Compiled, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a statement for the question being asked, and return its rows.

        Raises:
            InvalidParameters: a sum asked for does not fit 64 bits.
            StatementTimeout: the statement took too long lately.
        """
        began, at = self._clock(), time.monotonic()
        self.count_from_here()
        if self._slow and statement.sql in self._slow:
            raise _timeout(self._left_s)
        try:
            return self.driver.execute(statement.sql, {**statement.constants, **values}).fetchall()
        except sqlite3.OperationalError as error:
            if self._slow and _code(error) == sqlite3.SQLITE_INTERRUPT:
                self._slow.add(statement.sql)
            if "integer overflow" in str(error):
                raise invalid("rollup", "a sum is beyond 2^63-1; select fewer years") from error
            raise
        finally:
            self._until = self._latest = _NEVER
            self._left_s -= self._clock() - began
            self._waits_s -= time.monotonic() - at

    def count_from_here(self) -> None:
        """Let time run for all that follows, for statements that others than ``rows`` run."""
        self._until = self._clock() + self._left_s
        self._latest = time.monotonic() + self._waits_s

    def interrupt(self) -> None:
        """End what another thread asks of this session, and let nothing long begin."""
        self._interrupted = True

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error, DBAPIError):
            self.catalogue.close()
            self.catalogue.engine.dispose()

    def _is_over(self) -> bool:
        return self._interrupted or self._clock() > self._until or time.monotonic() > self._latest

    def _follow(self) -> State:
        """Return the state; it is read anew only where somebody wrote, and replaced where it is another."""
        (version,) = self.driver.execute("PRAGMA data_version").fetchone()
        if self._state is None or version != self._version:
            (seen,) = self.driver.execute(_PUBLICATION.sql).fetchall()
            if self._state is None or seen != self._seen:
                # SQLite reads the statistics that its plans need only when it opens a file.
                self.stale = self._version is not None
                self._seen, self._state = seen, _state(self.catalogue)
            self._version = version
        return self._state


def _by_sqlalchemy(driver: sqlite3.Connection) -> Connection:
    """Return SQLAlchemy's view of a connection: what it sets up ends transactions, so not while one runs."""
    engine = create_engine("sqlite://", creator=lambda: driver, poolclass=StaticPool)
    return engine.connect().execution_options(isolation_level="AUTOCOMMIT")


def _state(catalogue: Connection) -> State:
    kept = [run for run in runs.newest_first(catalogue) if run.published_at is not None]
    return State(runs.current(catalogue), {run.run_id: run for run in kept})


def renewed(session: Session | None, path: Path, check_every: int, slow: Slow | None = None) -> Session:
    """Return the session, or a new one where there is none, its file was replaced or it is stale.

    Raises:
        NoStore: there is no file.
        StoreFailure: it cannot be opened.
    """
    try:
        status = path.stat()
        identity = (status.st_dev, status.st_ino)
        if session is None:
            return Session(path, identity, check_every, slow)
        if session.identity == identity and not session.stale:
            return session
        new = Session(path, identity, check_every, slow)
    except FileNotFoundError as error:
        raise NoStore(f"there is no mart store: {error}", "see the server's log") from error
    except (OSError, sqlite3.Error) as error:
        raise failure(error) from error
    session.close()
    return new.follows(session) if session.identity == identity else new


def failure(error: Exception) -> StoreFailure:
    """Return the error of a store that cannot be read."""
    return StoreFailure(f"the mart store cannot be read: {error}", "see the server's log")


def _timeout(budget_s: float) -> StatementTimeout:
    return StatementTimeout(
        f"this takes more than {budget_s:g} s of the store's time", "ask for less at once"
    )


def _code(error: Exception) -> int | None:
    origin = error.orig if isinstance(error, DBAPIError) else error
    return getattr(origin, "sqlite_errorcode", None)
