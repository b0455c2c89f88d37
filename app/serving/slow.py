"""Statements that took too long lately: they are asked elsewhere at once, and not begun in vain."""

import time

#: A statement is tried again after so long: what was slow may have been the machine.
FORGOTTEN_AFTER_S = 1.0
#: So many are remembered at most; then all are forgotten.
MOST = 256


class Slow:
    """Remembers statements by their text, which is one for all values that they bind."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def add(self, sql: str) -> None:
        """Remember a statement for a while."""
        if len(self._until) >= MOST:
            self._until.clear()
        self._until[sql] = time.monotonic() + FORGOTTEN_AFTER_S

    def clear(self) -> None:
        """Forget all: what there is no place for elsewhere had better be tried."""
        self._until.clear()

    def __contains__(self, sql: str) -> bool:
        return sql in self._until and time.monotonic() < self._until[sql]
