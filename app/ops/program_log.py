"""The program's own log, for ``logging``: whatever logs must not wait for a reader, no less than requests."""

import logging
import os

from app.ops.lines import STDERR, Lines
from app.ops.secret_text import hidden


class Handler(logging.Handler):
    """Writes records to a file descriptor where nobody has to wait; the next says how many were lost."""

    def __init__(self, descriptor: int = STDERR) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._process, self._lines = os.getpid(), self._new()
        self._lost = self._told = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, soon."""
        if (
            self._process != os.getpid()
        ):  # a fork has what its parent had to write, and not the thread that does
            self._process, self._lines = os.getpid(), self._new()
        text = hidden(self.format(record))
        if self._told != self._lost:
            self._told = self._lost
            text = f"{self._told} lines of this log were lost so far\n{text}"
        self._lines.put(f"{text}\n")

    def close(self) -> None:
        """Write what waits, as long as somebody takes it."""
        self._lines.close()
        super().close()

    def _new(self) -> Lines:
        return Lines(self._count, self._descriptor)

    def _count(self, lines: int) -> None:
        self._lost += lines
