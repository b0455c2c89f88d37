"""The access log: one JSON line per request, in the order of their ends, written where nobody has to wait.

The event loop only appends. A thread formats and writes: a reader of the log that stalls costs lines, which a
metric counts, and never a request.
"""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from app.ops.log_line import LONGEST, Entry, formatted

#: Lines that may wait to be written: about 1 KB of memory each, 4 KB at most.
WAITING = 10_000
EVERY_S = 0.1
#: Lines are written together up to what a pipe takes whole (PIPE_BUF), so that workers do not mix theirs.
TOGETHER_BYTES = 4_096
#: At the end a reader that does not read is waited for so long.
CLOSES_WITHIN_S = 2.0
STDERR = 2
_LONGEST = LONGEST + 1  # one more than is shown says that something was cut


class AccessLog:
    """Writes to a file descriptor; ``dropped`` is told how many lines are lost, each time some are."""

    def __init__(self, dropped: Callable[[int], None], descriptor: int = STDERR) -> None:
        self._dropped = dropped
        self._descriptor = descriptor
        self._waiting: deque[tuple[object, ...]] = deque()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def write(
        self,
        request_id: str,
        client: str | None,
        client_id: str | None,
        method: str,
        path: str,
        query: bytes,
        route: str,
        status: int,
        size: int,
        seconds: float,
        run_id: str | None,
    ) -> None:
        """Log a request that ends now. ``client``: its address; ``size``: bytes of the body."""
        waiting = self._waiting
        if len(waiting) >= WAITING:
            self._dropped(1)
            return
        path, query = path[:_LONGEST], query[:_LONGEST]
        at = time.time()
        waiting.append(
            (at, request_id, client, client_id, method, path, query, route, status, size, seconds, run_id)
        )
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="access log", daemon=True)
        self._thread.start()

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
        for lines in self._lines():
            try:
                self._send(lines)
            except OSError:  # nobody will ever read it, or the disk is full
                self._dropped(lines.count(b"\n"))

    def _lines(self) -> Iterator[bytes]:
        """Yield lines in few pieces; formatting never holds the interpreter long between two writes."""
        together = b""
        while self._waiting:
            line = formatted(Entry._make(self._waiting.popleft()))
            if together and len(together) + len(line) > TOGETHER_BYTES:
                yield together
                together = b""
            together += line
        if together:
            yield together

    def _send(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                select.select((), (self._descriptor,), ())
