"""Following a warehouse: one look after the other, each told in the replica's status."""

import logging
import sqlite3
import time
from contextlib import suppress
from dataclasses import replace

from sqlalchemy.exc import DBAPIError

from app.errors import AppError, StoreFailure
from app.serving.replica.place import Place
from app.serving.replica.status import Status, read_status
from app.serving.replica.sync import Replica
from app.warehouse.opening import ready_warehouse

#: A look that failed after so many seconds is not repeated before so many times as many: where the disk is
#: full, say, all was copied in vain. One that fails at once, as without a server, is.
_REST, _MOST_REST_S = 3, 30.0
log = logging.getLogger(__name__)


class Follower:
    """Looks at a warehouse whenever it is told to, and keeps what it found."""

    def __init__(self, place: Place, warehouse_url: str) -> None:
        self._place = place
        self._url = warehouse_url
        self._replica: Replica | None = None
        self._status = read_status(place.status) or Status()
        if not place.store.is_file():
            self._status = replace(self._status, confirmed_at=None, synced_at=None, run=None, runs=0)

    def follow(self, poll_s: float) -> None:
        """Look for ever, so many seconds after each look; after one that failed late, a while later."""
        while True:
            began = time.monotonic()
            rest_s = 0.0 if self.look() else min(_REST * (time.monotonic() - began), _MOST_REST_S)
            time.sleep(max(poll_s, rest_s))

    def look(self) -> bool:
        """Bring the replica up to date if it is not, say how it stands, and return whether that was done."""
        at, began = time.time(), time.monotonic()
        try:
            copied = self._opened().sync()
        except Exception as error:  # whatever it is, the next look may be luckier
            self._forget()
            self._say(replace(self._status, failures=self._status.failures + 1, error=_shown(error)), error)
            return False
        self._say(self._confirmed(at, time.monotonic() - began if copied else None))
        return True

    def _opened(self) -> Replica:
        if self._replica is None:
            self._replica = Replica(ready_warehouse(self._url), self._place)
        return self._replica

    def _forget(self) -> None:
        """Let the next look begin anew: with a connection of its own, and with the schema."""
        replica, self._replica = self._replica, None
        if replica is not None:
            with suppress(DBAPIError):
                replica.close()

    def _confirmed(self, at: float, seconds: float | None) -> Status:
        contents = self._opened().contents
        assert contents is not None  # noqa: S101 - a pass that did not fail has read them
        found = replace(
            self._status, confirmed_at=at, run=contents.published, runs=len(contents.loaded), error=None
        )
        if seconds is None:
            return found
        log.info("the replica was synced in %.2f s: run %s, %d runs held", seconds, found.run, found.runs)
        return replace(found, synced_at=time.time(), seconds=seconds, syncs=found.syncs + 1)

    def _say(self, status: Status, failure: Exception | None = None) -> None:
        before, self._status = self._status, status
        if failure is not None and status.error != before.error:
            log.warning("the replica is not up to date: %s", _reason(failure))
        elif failure is None and before.error is not None:
            log.info("the replica is up to date again")
        with suppress(OSError):  # a disk that is full: readers see the age grow
            self._place.folder.mkdir(parents=True, exist_ok=True)
            status.write(self._place.status)


def _reason(failure: Exception) -> str:
    """Return what to log: of a statement that failed neither its text nor its values."""
    return str(_cause(failure))


def _cause(failure: Exception) -> BaseException:
    """Return what the driver said, if it did."""
    inner = failure.__cause__ or failure if isinstance(failure, StoreFailure) else failure
    return inner.orig or inner if isinstance(inner, DBAPIError) else inner


def _shown(failure: Exception) -> str:
    """Return what anybody may know of a failure: no names of machines or people."""
    cause = _cause(failure)
    if isinstance(failure, OSError):
        return f"the replica cannot be written: {failure.strerror}"
    if isinstance(cause, sqlite3.Error):
        return f"the replica cannot be written: {cause}"
    if isinstance(failure, AppError) and (cause is failure or not isinstance(failure, StoreFailure)):
        return str(failure)
    is_known = isinstance(failure, DBAPIError | StoreFailure)
    return "the warehouse cannot be read" if is_known else "see the server's log"
