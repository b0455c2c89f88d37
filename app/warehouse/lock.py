"""One run at a time: a lock that its holder keeps fresh, and that outlives a holder who dies."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.errors import AppError, RunInProgress, StoreFailure
from app.warehouse.keepers import Holder, Keeper
from app.warehouse.process import alive, machine, process
from app.warehouse.runs import timestamp

HEARTBEAT_S = 10.0
#: A holder on another machine that was not heard of for so long is taken for dead.
LAPSE = timedelta(seconds=45)
#: How often a lock is asked for that others are quicker to take and to free.
_ATTEMPTS = 3

#: Cleans up after a dead run, given its id and where it was to land. May be called twice for one run.
Recover = Callable[[str, str], None]

#: Runs that this process is busy with. Any other lock in its name is of a run that it could not settle.
_busy: set[str] = set()


class RunLock:
    """A lock, held for one run.

    ``settled`` says that the run's end is on record. Where it is not, the lock stays behind with a dead
    holder, and the next run cleans up.
    """

    def __init__(self, keeper: Keeper, run_id: str) -> None:
        self.run_id = run_id
        self.settled = False
        self._keeper = keeper
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_fresh, daemon=True)
        self._thread.start()

    def check(self, connection: Connection) -> None:
        """Raise ``StoreFailure`` where the lock was lost: a run that was taken for dead changes nothing."""
        if self._keeper.held_by(connection) != self.run_id:
            raise StoreFailure(
                f"run {self.run_id} lost its lock: it was not heard of for too long", "run again"
            )

    def end(self) -> None:
        """Give the lock back, where the run is settled."""
        self._ended.set()
        self._thread.join()
        if self.settled:
            with suppress(DBAPIError, AppError):  # left behind: harmless
                self._keeper.release(self.run_id)

    def _keep_fresh(self) -> None:
        while not self._ended.wait(HEARTBEAT_S):
            # The next beat tries again; a lock that lapsed meanwhile is found by check().
            with suppress(DBAPIError, AppError):
                self._keeper.refresh(self.run_id)


@contextmanager
def run_lock(keeper: Keeper, run_id: str, location: str, recover: Recover) -> Iterator[RunLock]:
    """Hold a lock for a run that is to land at ``location``.

    Raises:
        RunInProgress: another live run holds it.
        StoreFailure: where it is kept does not work.
    """
    _busy.add(run_id)  # before anybody can see the lock as ours
    try:
        _acquire(keeper, run_id, location, recover)
        held = RunLock(keeper, run_id)
        try:
            yield held
        finally:
            held.end()
    finally:
        _busy.discard(run_id)


def _acquire(keeper: Keeper, run_id: str, location: str, recover: Recover) -> None:
    """Take the lock; from a dead holder only after cleaning up, so that a kill meanwhile forgets nothing."""
    for _ in range(_ATTEMPTS):
        dead = keeper.holder()
        if dead is not None:
            _refuse_beside(dead)
            recover(dead.run_id, dead.location)
        now = datetime.now(UTC)
        if keeper.take(Holder(run_id, location, machine(), process(), now, now), dead):
            return
    raise RunInProgress("another run was in progress just now", "run again")


def _refuse_beside(holder: Holder) -> None:
    if _is_live(holder):
        since = timestamp(holder.acquired_at)
        raise RunInProgress(
            f"run {holder.run_id} is in progress since {since} ({_where(holder)})", "wait for it to end"
        )


def _is_live(holder: Holder) -> bool:
    if holder.machine != machine():
        return datetime.now(UTC) - holder.heartbeat_at < LAPSE
    return holder.run_id in _busy if holder.process == process() else alive(holder.process)


def _where(holder: Holder) -> str:
    return f"process {holder.process.partition('/')[0]} on {holder.machine.partition('/')[0]}"
