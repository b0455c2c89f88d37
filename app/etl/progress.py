"""How far a run got, for whoever watches it."""

from typing import Protocol


class Progress(Protocol):
    """Told how far a run got."""

    def __call__(self, done: int, total: int, rows: int = 0) -> None:
        """Take the bytes of the delivery fetched or read so far, and all there are, both as delivered.

        ``rows`` is how many rows were read so far.
        """
        ...


def unwatched(done: int, total: int, rows: int = 0) -> None:
    """Tell nobody."""
