"""Buckets of clients in memory of a fixed size, which several processes may share."""

import fcntl
import hashlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from app.shared import grow, memory, open_file

#: A client has its bucket at one of the places of its set, as lines have in a cache of a processor.
SETS, WAYS = 8192, 8
PLACES = SETS * WAYS
_WORD = 8
_SIZE = 2 * _WORD * PLACES
#: Clients whose place this process remembers, about 150 bytes each.
REMEMBERED = 10_000


class Buckets:
    """``full_at[place]``: when a client's bucket will be full again, in nanoseconds of the caller's clock.

    Where more clients of one set ask at a time than it has places, the fullest bucket makes room.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = None if file is None else open_file(file)
        self.lock, self.unlock = _locks(self._file)
        if self._file is not None:
            self.lock()
            grow(self._file, _SIZE)
            self.unlock()
        whole = memoryview(memory(self._file, _SIZE))
        self._owners = whole[: _SIZE // 2].cast("Q")
        self.full_at = whole[_SIZE // 2 :].cast("q")
        self._places: dict[str, tuple[int, int]] = {}

    def find(self, client_id: str, now: int) -> int:
        """Return the place of a client's bucket; a client without one gets a full one."""
        known = self._places.get(client_id)
        if known is None:
            known = self._remember(client_id)
        owner, place = known
        if self._owners[place] == owner:
            return place
        place = self._search(owner, now)
        self._places[client_id] = (owner, place)
        return place

    def _remember(self, client_id: str) -> tuple[int, int]:
        if len(self._places) >= REMEMBERED:
            self._places.clear()
        digest = hashlib.blake2b(client_id.encode("utf-8", "surrogatepass"), digest_size=_WORD).digest()
        owner = int.from_bytes(digest, "big")
        return owner, owner % SETS * WAYS

    def _search(self, owner: int, now: int) -> int:
        first = owner % SETS * WAYS
        places = range(first, first + WAYS)
        for place in places:
            if self._owners[place] == owner:
                return place
        place = min(places, key=self.full_at.__getitem__)
        self._owners[place], self.full_at[place] = owner, now
        return place

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _locks(file: int | None) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return what keeps other processes out, for the microsecond that a look and a change take."""
    if file is None:
        return _nothing, _nothing
    return partial(fcntl.flock, file, fcntl.LOCK_EX), partial(fcntl.flock, file, fcntl.LOCK_UN)


def _nothing() -> None:
    """Keep nobody out: nobody else is there."""
