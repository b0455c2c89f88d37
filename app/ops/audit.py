"""The audit log: who got a token or failed to, and who changed clients, keys and runs. One JSON line each.

A line is appended whole or not at all, by whichever process has something to say; the file is opened for
each of them, so that it can be moved away at any time. Reads are in the access log, which is cheaper.
"""

import fcntl
import json
import logging
import os
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.errors import StoreFailure
from app.ops.audit_events import EVENTS
from app.ops.secret_text import hidden

OWNER_ONLY = 0o600
#: Refusals of one kind that are written at once, per process, and then one in so many seconds: a flood of
#: wrong tokens adds some 40 MB a day at most.
BURST, EVERY_S = 60, 1.0
log = logging.getLogger(__name__)


class Audit:
    """Appends events to ``file``, nowhere where that is None. ``always``: fields of every event."""

    def __init__(self, file: Path | None, **always: Any) -> None:
        self._file = file
        self._always = always
        self._bounds: dict[str, _Bound] = {}
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit")

    @classmethod
    def open(cls, file: Path | None, **always: Any) -> "Audit":
        """Return a log that can be written to now.

        Raises:
            StoreFailure: it cannot.
        """
        opened = cls(file, **always)
        opened._append(b"")
        return opened

    def write(self, event: str, **fields: Any) -> None:
        """Append an event; once this returns the line outlives the program.

        Raises:
            KeyError: the event or a field is not declared in ``EVENTS``.
            StoreFailure: the line could not be written, and none of it was.
        """
        self._append(self._line(event, fields))

    def refused(self, event: str, **fields: Any) -> None:
        """Append a refusal soon, and wait for nothing; how many were left out before it, it says itself.

        Raises:
            KeyError: as above.
        """
        more = self._bounds.setdefault(event, _Bound()).take(time.monotonic())
        if more is not None:
            self._writer.submit(self._try, self._line(event, {**fields, "more": more}))

    def close(self) -> None:
        """Write what waits."""
        self._writer.shutdown()

    def _line(self, event: str, fields: dict[str, Any]) -> bytes:
        given = {**self._always, **fields}
        known = EVENTS[event].fields
        if not given.keys() <= set(known):
            raise KeyError(f"{event} has no fields {sorted(given.keys() - set(known))}")
        at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        document = {"time": at, "event": event, **{name: given.get(name) for name in known}}
        return hidden(json.dumps(document, separators=(",", ":"))).encode("ascii") + b"\n"

    def _try(self, line: bytes) -> None:
        try:
            self._append(line)
        except StoreFailure as error:
            log.error("%s", error)

    def _append(self, line: bytes) -> None:
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            # Without O_NONBLOCK a pipe that nobody reads would be waited for.
            how = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(self._file, how, OWNER_ONLY)
            try:
                _append_whole(descriptor, line)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreFailure(
                f"cannot write to the audit log {self._file}: {error.strerror}",
                "make room, or correct APP_AUDIT_LOG; see docs/audit.md",
            ) from error


def _append_whole(descriptor: int, line: bytes) -> None:
    """Append a line; one that does not fit the disk is taken back, while nobody else writes."""
    if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077 and stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fchmod(descriptor, OWNER_ONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    before = os.fstat(descriptor).st_size
    while line:
        try:
            line = line[os.write(descriptor, line) :]
        except OSError:
            os.ftruncate(descriptor, before)
            raise


class _Bound:
    """Lets ``BURST`` through at once, then one per ``EVERY_S``, and counts the rest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left, self._at, self._more = float(BURST), time.monotonic(), 0

    def take(self, now: float) -> int | None:
        """Return how many were stopped since the last that passed; None where this one is stopped, too."""
        with self._lock:
            self._left = min(BURST, self._left + (now - self._at) / EVERY_S)
            self._at = now
            if self._left < 1:
                self._more += 1
                return None
            self._left -= 1
            more, self._more = self._more, 0
            return more
