"""How far a run got, for whoever watches it."""

from collections.abc import Callable

#: Told how many bytes of the delivery were fetched or read so far, and how many there are, both as delivered.
Progress = Callable[[int, int], None]
