"""Lines of a log, written where nobody has to wait: a reader that stalls costs lines and never a request."""

import os
import select
import signal
import stat
import threading
from collections import deque
from collections.abc import Callable, Iterator

#: Bytes that may wait to be written, some 10,000 lines.
WAITING_BYTES = 4_194_304
EVERY_S = 0.1
#: Lines are written together up to what is taken whole, so that workers do not mix theirs: PIPE_BUF by
#: a pipe, anything by a file. Each write costs the event loop a turn of the interpreter's lock.
PIPE_BYTES, FILE_BYTES = 4_096, 262_144
#: At the end a reader that does not read is waited for so long.
CLOSES_WITHIN_S = 2.0
STDERR = 2


class Lines:
    """Writes to a file descriptor on a thread; ``dropped`` is told each time how many lines are lost."""

    def __init__(self, dropped: Callable[[int], None], descriptor: int = STDERR) -> None:
        self._dropped = dropped
        self._descriptor = descriptor
        self._together = FILE_BYTES if _is_file(descriptor) else PIPE_BYTES
        self._waiting: deque[str] = deque()
        self._made = self._taken = 0  # bytes; the one is the caller's, the other the thread's
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, line: str) -> None:
        """Write a line, soon; one thread at a time may say so."""
        if self._made - self._taken > WAITING_BYTES:
            self._dropped(1)
            return
        self._made += len(line)
        self._waiting.append(line)
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        # Signals are for the thread that waits for them.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self._thread.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def close(self) -> None:
        """Write what waits, as long as somebody takes it."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(CLOSES_WITHIN_S)

    def _run(self) -> None:
        while not self._closing.wait(EVERY_S):
            self._write_waiting()
        self._write_waiting()

    def _write_waiting(self) -> None:
        for lines in self._pieces():
            try:
                self._send(lines.encode("ascii", "backslashreplace"))
            except OSError:  # nobody will ever read it, or the disk is full
                self._dropped(lines.count("\n"))
            self._taken += len(lines)

    def _pieces(self) -> Iterator[str]:
        """Yield what waits, in pieces of whole lines."""
        piece: list[str] = []
        size = 0
        while self._waiting:
            line = self._waiting.popleft()
            if piece and size + len(line) > self._together:
                yield "".join(piece)
                piece, size = [], 0
            piece.append(line)
            size += len(line)
        if piece:
            yield "".join(piece)

    def _send(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                select.select((), (self._descriptor,), ())


def _is_file(descriptor: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:  # closed: every line is lost
        return False
