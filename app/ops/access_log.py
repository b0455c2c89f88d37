"""The access log: one JSON line per request, in the order of their ends, written where nobody has to wait.

The event loop makes the line, a thread writes it: a reader of the log that stalls costs lines, which a metric
counts, and never a request. The thread does not format: it would hold the interpreter for milliseconds, as it
takes it back after each write before the event loop wakes up.
"""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from app.ops.log_line import LONGEST, caller, question, quoted, second

#: Bytes that may wait to be written, some 10,000 lines.
WAITING_BYTES = 4_194_304
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
        self._waiting: deque[str] = deque()
        self._made = self._taken = 0  # bytes; the one is the event loop's, the other the thread's
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
        if self._made - self._taken > WAITING_BYTES:
            self._dropped(1)
            return
        at = time.time()
        whole = int(at)
        asked = question(method[:_LONGEST], path[:_LONGEST], query[:_LONGEST], route)
        line = (
            f'{{"time":"{second(whole)}.{int((at - whole) * 1e6):06}Z","request_id":{quoted(request_id)},'
            f'{caller(client, client_id, run_id)},{asked},"status":{status},"bytes":{size},'
            f'"seconds":{seconds:.6f}}}\n'
        )
        self._made += len(line)
        self._waiting.append(line)
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
        for lines in self._pieces():
            try:
                self._send(lines.encode("ascii"))
            except OSError:  # nobody will ever read it, or the disk is full
                self._dropped(lines.count("\n"))
            self._taken += len(lines)

    def _pieces(self) -> Iterator[str]:
        """Yield what waits, in pieces of whole lines."""
        piece: list[str] = []
        size = 0
        while self._waiting:
            line = self._waiting.popleft()
            if piece and size + len(line) > TOGETHER_BYTES:
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
