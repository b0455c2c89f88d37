"""What those who read a replica know of its age. Nobody asks the warehouse for it."""

import time
from typing import Literal

from app.serving.replica.place import Place
from app.serving.replica.status import Status, read_status

NAME = b"replica-age"
#: How often the status is looked at, and so how old what is said of an age may be.
LOOK_EVERY_S = 1.0
#: Beyond this, and beyond three looks at the warehouse, what is read may be older than what it has.
STALE_AFTER_S = 5.0


class Freshness:
    """Knows how a replica stands; the file that says so is read once a second at most."""

    def __init__(self, place: Place, poll_s: float) -> None:
        self._place = place
        self._stale_after_s = max(STALE_AFTER_S, 3 * poll_s)
        self._look_at = 0.0
        self._status: Status | None = None
        self._age_s: int | None = None
        self._line = b""

    @property
    def status(self) -> Status | None:
        """What the process that keeps the replica said last; None until its first look has ended."""
        self._look()
        return self._status

    @property
    def age_s(self) -> int | None:
        """Whole seconds since the warehouse last said what the replica has; None where it never did."""
        self._look()
        return self._age_s

    @property
    def state(self) -> Literal["current", "stale", "empty"]:
        """Whether the replica has what the warehouse has, as far as is known; empty: no run is published."""
        status, age_s = self.status, self.age_s
        if status is None or status.run is None:
            return "empty"
        return "stale" if status.error or age_s is None or age_s > self._stale_after_s else "current"

    def line(self) -> bytes:
        """Return the header as it is sent; nothing where there is no age."""
        if time.monotonic() >= self._look_at:
            self._look()
        return self._line

    def _look(self) -> None:
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY_S
        self._status = read_status(self._place.status)
        confirmed_at = self._status.confirmed_at if self._status else None
        self._age_s = None if confirmed_at is None else max(0, int(time.time() - confirmed_at))
        self._line = b"" if self._age_s is None else b"%b: %d\r\n" % (NAME, self._age_s)
