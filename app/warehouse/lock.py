"""One run at a time per warehouse: a row that its holder keeps fresh."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from app.database import transaction
from app.errors import RunInProgress, StoreFailure
from app.marts.catalog import run_lock_table as lock
from app.warehouse.process import alive, machine, process
from app.warehouse.runs import timestamp

NAME = "etl"
HEARTBEAT_S = 10.0
#: A holder on another machine that was not heard of for so long is taken for dead.
LAPSE = timedelta(seconds=45)


class RunLock:
    """The lock of one warehouse, held for one run; ``interrupted`` names the dead run it was taken from."""

    def __init__(self, engine: Engine, run_id: str, interrupted: str | None) -> None:
        self.run_id = run_id
        self.interrupted = interrupted
        self._engine = engine
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._keep_fresh, daemon=True)
        self._thread.start()

    def check(self, connection: Connection) -> None:
        """Raise ``StoreFailure`` where the lock was lost: a run that was taken for dead changes nothing."""
        if connection.execute(select(lock.c.run_id)).scalar_one_or_none() != self.run_id:
            raise StoreFailure(
                f"run {self.run_id} lost its lock: it was not heard of for too long", "run again"
            )

    def release(self) -> None:
        """Give the lock back."""
        self._released.set()
        self._thread.join()
        with transaction(self._engine) as connection:
            connection.execute(delete(lock).where(lock.c.run_id == self.run_id))

    def _keep_fresh(self) -> None:
        while not self._released.wait(HEARTBEAT_S):
            try:
                with transaction(self._engine) as connection:
                    mine = update(lock).where(lock.c.run_id == self.run_id)
                    connection.execute(mine.values(heartbeat_at=datetime.now(UTC)))
            except DBAPIError:
                continue  # the next beat tries again; a lock that lapsed meanwhile is found by check()


@contextmanager
def run_lock(engine: Engine, run_id: str) -> Iterator[RunLock]:
    """Hold the lock of a warehouse.

    Raises:
        RunInProgress: another live run holds it.
    """
    held = RunLock(engine, run_id, _acquire(engine, run_id))
    try:
        yield held
    finally:
        held.release()


def _acquire(engine: Engine, run_id: str) -> str | None:
    now = datetime.now(UTC)
    with transaction(engine) as connection:
        holder = connection.execute(select(lock).where(lock.c.name == NAME)).one_or_none()
        if holder is not None and _is_live(holder, now):
            since = timestamp(holder.acquired_at)
            raise RunInProgress(
                f"run {holder.run_id} is in progress since {since} ({_where(holder)})", "wait for it to end"
            )
        connection.execute(delete(lock))
        mine = {"machine": machine(), "process": process(), "acquired_at": now, "heartbeat_at": now}
        connection.execute(insert(lock).values(name=NAME, run_id=run_id, **mine))
    return holder.run_id if holder is not None else None


def _is_live(holder: Row[Any], now: datetime) -> bool:
    if holder.machine == machine():
        return alive(holder.process)
    return bool(now - holder.heartbeat_at < LAPSE)


def _where(holder: Row[Any]) -> str:
    return f"process {holder.process.partition('/')[0]} on {holder.machine.partition('/')[0]}"
