"""Several workers on one listener: processes forked from this one, which has loaded everything already.

A worker is told to go once all are ready. One that dies is replaced; should this process die, so do they.
"""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.errors import StoreFailure
from app.server.limits import Limits
from app.server.listener import let_nobody_in

#: A worker that lived no longer is replaced only after as long a pause.
PAUSE_S = 1.0
#: What workers have, beyond their grace period, to end before they are killed.
_KILLED_AFTER_S = 5.0
_READY, _GO = b"r", b"g"
_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGALRM)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parent:
    """A worker's line to the process that supervises it."""

    line: socket.socket

    def ready(self) -> None:
        """Say that the application is loaded, and wait to be told to go.

        Raises:
            EOFError: the parent is gone.
        """
        self.line.send(_READY)
        if self.line.recv(1) != _GO:
            raise EOFError


@dataclass(frozen=True)
class _Worker:
    line: socket.socket
    started_at: float


class Workers:
    """Supervises workers, each of which runs ``work`` to its end."""

    def __init__(
        self, count: int, listener: socket.socket, limits: Limits, work: Callable[[Parent], None]
    ) -> None:
        self._count = count
        self._listener = listener
        self._limits = limits
        self._work = work
        self._workers: dict[int, _Worker] = {}

    def run(self, announce: Callable[[], None]) -> None:
        """Supervise until told to stop, and until every worker has ended.

        Raises:
            StoreFailure: a worker could not start.
            KeyboardInterrupt: it was Ctrl-C.
        """
        signal.signal(signal.SIGCHLD, lambda *_: None)  # blocked or not, what is ignored is not kept
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            self._start_all()
            announce()
            told = self._supervise()
            self._stop(told)
        finally:
            self._signal_all(signal.SIGKILL)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if told == signal.SIGINT:
            raise KeyboardInterrupt

    def _start_all(self) -> None:
        for _ in range(self._count):
            self._start()
        for worker in self._workers.values():
            if worker.line.recv(1) != _READY:
                raise StoreFailure("a worker could not start", "see the log")
        for worker in self._workers.values():
            worker.line.send(_GO)

    def _start(self) -> int:
        ours, theirs = socket.socketpair()
        try:
            pid = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            raise
        if pid == 0:
            ours.close()
            self._be_worker(theirs)
        theirs.close()
        self._workers[pid] = _Worker(ours, time.monotonic())
        return pid

    def _be_worker(self, line: socket.socket) -> None:
        """Work and end, whatever happens: what called us belongs to the parent."""
        status = 1
        try:
            os.setpgid(0, 0)  # Ctrl-C in a terminal is for the parent, who passes it on
            for other in self._workers.values():
                other.line.close()
            for number in (signal.SIGCHLD, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            self._work(Parent(line))
            status = 0
        except (KeyboardInterrupt, EOFError):
            status = 0
        except BaseException:
            log.exception("a worker failed")
        finally:
            logging.shutdown()
            os._exit(status)

    def _supervise(self) -> int:
        """Replace workers that die until a signal to stop comes, and return that."""
        while True:
            for pid in self._reap():  # first of all: a child may have ended before its end was a signal to us
                log.warning("worker %d died and is replaced", pid)
            self._replace()
            told = signal.sigwait(_SIGNALS)
            if told in {signal.SIGTERM, signal.SIGINT}:
                return told

    def _replace(self) -> None:
        """Start the workers that are missing. Where that fails, for want of memory say, the others go on."""
        while len(self._workers) < self._count:
            try:
                self._workers[self._start()].line.send(_GO)
            except OSError as error:
                log.error("a worker cannot be started, next try in %g s: %s", PAUSE_S, error)
                signal.setitimer(signal.ITIMER_REAL, PAUSE_S)
                return

    def _reap(self) -> list[int]:
        """Take note of the workers that ended."""
        ended = []
        while self._workers:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            worker = self._workers.pop(pid, None)
            if worker is None:  # a child of whatever became this program, or an orphan where it is process 1
                continue
            worker.line.close()
            ended.append(pid)
            if time.monotonic() - worker.started_at < PAUSE_S:
                time.sleep(PAUSE_S)
        return ended

    def _stop(self, told: int) -> None:
        """Drain all workers, and the queue of the listener with them; told again, end them now."""
        limits = self._limits
        self._signal_all(told)
        delay = 0.0 if told == signal.SIGINT else limits.drain_delay_s
        signal.setitimer(signal.ITIMER_REAL, max(delay, 0.001))
        closed = False
        while self._workers:
            match signal.sigwait(_SIGNALS):
                case signal.SIGALRM if closed:
                    log.error("workers that do not end are killed")
                    self._signal_all(signal.SIGKILL)
                case signal.SIGALRM:
                    let_nobody_in(self._listener)
                    self._listener.close()
                    closed = True
                    signal.setitimer(signal.ITIMER_REAL, limits.grace_s + _KILLED_AFTER_S)
                case signal.SIGCHLD:
                    self._reap()
                case again:
                    self._signal_all(again)
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _signal_all(self, number: int) -> None:
        for pid in self._workers:
            os.kill(pid, number)
