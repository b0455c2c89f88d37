"""One run at a time per warehouse: a row that its holder keeps fresh, and that outlives a holder who dies."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.database import transaction
from app.errors import RunInProgress, StoreFailure
from app.marts.catalog import run_lock_table as lock
from app.warehouse.process import alive, machine, process
from app.warehouse.runs import timestamp

NAME = "etl"
HEARTBEAT_S = 10.0
#: A holder on another machine that was not heard of for so long is taken for dead.
LAPSE = timedelta(seconds=45)

#: Cleans up after a dead run, given its id and where it was to land. May be called twice for one run.
Recover = Callable[[str, str], None]

#: Runs that this process is busy with. Any other lock in its name is of a run that it could not settle.
_busy: set[str] = set()


class RunLock:
    """The lock of one warehouse, held for one run.

    ``settled`` says that the run's end is on record. Where it is not, the lock stays behind with a dead
    holder, and the next run cleans up.
    """

    def __init__(self, engine: Engine, run_id: str) -> None:
        self.run_id = run_id
        self.settled = False
        self._engine = engine
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_fresh, daemon=True)
        _busy.add(run_id)
        self._thread.start()

    def check(self, connection: Connection) -> None:
        """Raise ``StoreFailure`` where the lock was lost: a run that was taken for dead changes nothing.

        Until the end of the transaction nobody can take it; only the heartbeat goes on.
        """
        holder = select(lock.c.run_id).with_for_update(read=True, key_share=True)
        if connection.execute(holder).scalar_one_or_none() != self.run_id:
            raise StoreFailure(
                f"run {self.run_id} lost its lock: it was not heard of for too long", "run again"
            )

    def end(self) -> None:
        """Give the lock back, where the run is settled."""
        self._ended.set()
        self._thread.join()
        _busy.discard(self.run_id)
        if self.settled:
            with suppress(DBAPIError), transaction(self._engine) as connection:  # left behind: harmless
                connection.execute(delete(lock).where(lock.c.run_id == self.run_id))

    def _keep_fresh(self) -> None:
        while not self._ended.wait(HEARTBEAT_S):
            try:
                with transaction(self._engine) as connection:
                    mine = update(lock).where(lock.c.run_id == self.run_id)
                    connection.execute(mine.values(heartbeat_at=datetime.now(UTC)))
            except DBAPIError:
                continue  # the next beat tries again; a lock that lapsed meanwhile is found by check()


@contextmanager
def run_lock(engine: Engine, run_id: str, location: str, recover: Recover) -> Iterator[RunLock]:
    """Hold the lock of a warehouse for a run that is to land at ``location``.

    Raises:
        RunInProgress: another live run holds it.
    """
    _acquire(engine, run_id, location, recover)
    held = RunLock(engine, run_id)
    try:
        yield held
    finally:
        held.end()


def _acquire(engine: Engine, run_id: str, location: str, recover: Recover) -> None:
    """Take the lock; from a dead holder only after cleaning up, so that a kill meanwhile forgets nothing."""
    with engine.connect() as connection:  # a reader: a holder that is loading does not make it wait
        dead = _holder(connection)
    if dead is not None:
        _refuse_beside(dead)
        recover(dead.run_id, dead.location)
    try:
        with transaction(engine) as connection:
            if dead is not None:
                connection.execute(delete(lock).where(lock.c.run_id == dead.run_id))
            _insert(connection, run_id, location)
    except IntegrityError:  # there can be one row: somebody was quicker
        with engine.connect() as connection:
            _refuse_beside(_holder(connection))
        raise RunInProgress("another run was in progress just now", "run again") from None


def _insert(connection: Connection, run_id: str, location: str) -> None:
    now = datetime.now(UTC)
    mine = {"machine": machine(), "process": process(), "acquired_at": now, "heartbeat_at": now}
    connection.execute(insert(lock).values(name=NAME, run_id=run_id, location=location, **mine))


def _holder(connection: Connection) -> Row[Any] | None:
    return connection.execute(select(lock).where(lock.c.name == NAME)).one_or_none()


def _refuse_beside(holder: Row[Any] | None) -> None:
    if holder is not None and _is_live(holder):
        since = timestamp(holder.acquired_at)
        raise RunInProgress(
            f"run {holder.run_id} is in progress since {since} ({_where(holder)})", "wait for it to end"
        )


def _is_live(holder: Row[Any]) -> bool:
    if holder.machine != machine():
        return bool(datetime.now(UTC) - holder.heartbeat_at < LAPSE)
    return holder.run_id in _busy if holder.process == process() else alive(holder.process)


def _where(holder: Row[Any]) -> str:
    return f"process {holder.process.partition('/')[0]} on {holder.machine.partition('/')[0]}"
