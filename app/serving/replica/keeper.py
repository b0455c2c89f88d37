"""Sees to it that one process on this machine keeps a replica, whichever processes read it.

Every reader has a thread that tries to lock a file in the replica's folder. The one that gets the lock starts
the process, hands the lock down to it and waits for its end. Should the process die, or its reader with it,
the lock is free and another reader's thread gets it.
"""

import fcntl
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

from app.serving.replica.place import Place
from app.settings import PREFIX, Settings

#: How often a reader tries to become the one that has the process; the pause after one died as well.
TRY_EVERY_S = 1.0
#: What a process that was told to end may take before it is killed.
_ENDS_WITHIN_S = 5.0
_PROGRAM = (sys.executable, "-m", "app.serving.replica")
log = logging.getLogger(__name__)


class Keeper:
    """One reader's part in this. ``settings`` reach the process by its environment: they have secrets."""

    def __init__(self, place: Place, settings: Settings, program: Sequence[str] = _PROGRAM) -> None:
        self._place = place
        self._environment = {**os.environ, **_handed_down(settings)}
        self._program = program
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="replica-keeper", daemon=True)

    def start(self) -> None:
        """Begin to try."""
        self._thread.start()

    def close(self) -> None:
        """End the process, if it is this reader's, and wait for that."""
        with self._lock:
            self._closing.set()
            process = self._process
        if process is not None:
            _end(process)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._try()
            except OSError as error:
                log.warning("the replica is not kept up to date: %s", error)
            self._closing.wait(TRY_EVERY_S)

    def _try(self) -> None:
        self._place.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._place.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            process = self._start(descriptor)
        except BlockingIOError:
            return
        finally:
            os.close(descriptor)  # the process has it still, and so the lock
        if process is not None and process.wait() and not self._closing.is_set():
            log.warning("the process that keeps the replica died (%d) and is replaced", process.returncode)

    def _start(self, descriptor: int) -> "subprocess.Popen[bytes] | None":
        with self._lock:
            if self._closing.is_set():
                return None
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                self._program,
                env=self._environment,
                stdin=subprocess.PIPE,  # its end tells the process that this one is gone
                stdout=subprocess.DEVNULL,
                pass_fds=(descriptor,),
                start_new_session=True,  # Ctrl-C in a terminal is not for it
            )
            return self._process


def _end(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    process.stdin.close()
    try:
        process.wait(_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _handed_down(settings: Settings) -> Mapping[str, str]:
    values = {
        "home": settings.home.absolute(),
        "warehouse_url": settings.warehouse,
        "replica_poll": settings.replica_poll,
    }
    return {PREFIX + name.upper(): str(value) for name, value in values.items()}
