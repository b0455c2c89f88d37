"""Numbers by name in memory that other processes read while their owner counts.

A file holds the numbers of one process at a time and has one writer, so that counting takes no lock and
nothing is lost when the process is killed. Whoever comes next goes on counting in the file of a dead one:
there are never more files than there were processes at a time, and no sum over them ever falls.
"""

import fcntl
import itertools
import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import orjson

from app.shared import grow, memory, open_file

#: Name of a metric, then its labels' values.
Key = tuple[str, ...]
Item = tuple[Key, Sequence[float]]
#: Numbers that fit, and bytes for their names. What does not fit is counted in a place that nobody reads.
ROOM, NAMES_BYTES = 8_192, 262_144
_WORD = 8
_VALUES_END = _WORD + _WORD * ROOM
_SIZE = _VALUES_END + NAMES_BYTES
_FILES = "metrics-"


class Series:
    """``values[place]`` are this process's numbers: IEEE doubles, exact as counts up to 2^53."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = None if folder is None else _claim(folder)
        self._used, self.values, self._names = _parts(memory(self._file, _SIZE))
        self._places: dict[Key, int] = {}
        self._next = 0
        for key, numbers in self.items():
            self._places[key] = self._next
            self._next += len(numbers)

    def place(self, key: Key, width: int = 1) -> int:
        """Return where a key's ``width`` numbers begin."""
        found = self._places.get(key)
        return self._add(key, width) if found is None else found

    def _add(self, key: Key, width: int) -> int:
        line = orjson.dumps([width, *key]) + b"\n"
        begin, spare = self._used[0], ROOM - width
        if self._next + width > spare or begin + len(line) > NAMES_BYTES:
            return spare
        self._names[begin : begin + len(line)] = line
        self._used[0] = begin + len(line)  # last, so that readers and successors see whole names
        self._places[key] = place = self._next
        self._next += width
        return place

    def items(self) -> Iterator[Item]:
        """Yield each key with its numbers."""
        return _items(self._used, self.values, self._names)

    def close(self) -> None:
        """Leave the file to a successor; what is counted from now on is lost."""
        if self._file is not None:
            self._used, self.values, self._names = _parts(memory(None, _SIZE))
            os.close(self._file)
            self._file = None


def read(folder: Path) -> Iterator[tuple[Iterable[Item], bool]]:
    """Yield the numbers of every process that ever counted in a folder, and whether it still does."""
    for file in sorted(folder.glob(f"{_FILES}*")):
        descriptor = open_file(file)
        try:
            if os.fstat(descriptor).st_size == _SIZE:  # else its owner is just starting
                yield list(_items(*_parts(memory(descriptor, _SIZE)))), not _take(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)


def _claim(folder: Path) -> int:
    """Return the first file that no living process has; the lock on it says so as long as this one lives."""
    for number in itertools.count():
        descriptor = open_file(folder / f"{_FILES}{number}")
        if _take(descriptor, fcntl.LOCK_EX):
            grow(descriptor, _SIZE)
            return descriptor
        os.close(descriptor)
    raise AssertionError  # count() does not end


def _take(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _parts(numbers: mmap.mmap) -> "tuple[memoryview[int], memoryview[float], memoryview[int]]":
    """Return how many bytes of names are in use, the values, and the names: a line each, in their order."""
    whole = memoryview(numbers)
    return whole[:_WORD].cast("q"), whole[_WORD:_VALUES_END].cast("d"), whole[_VALUES_END:]


def _items(used: "memoryview[int]", values: "memoryview[float]", names: "memoryview[int]") -> Iterator[Item]:
    place = 0
    for line in bytes(names[: used[0]]).splitlines():
        width, *key = orjson.loads(line)
        yield tuple(key), values[place : place + width].tolist()
        place += width
