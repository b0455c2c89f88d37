"""Memory that the workers of one server share: small files in a folder that lives as long as the server."""

import fcntl
import mmap
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp

#: How workers learn of their folder. A setting, so that other supervisors than ours can give them one.
VARIABLE = "APP_SHARED_FOLDER"
_PREFIX = "movie-marts-"
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - folders in it are made by mkdtemp, for their owner alone
#: A folder younger than this may belong to a server that is just starting.
_STARTING_S = 60


@contextmanager
def shared_folder() -> Iterator[Path]:
    """Give the workers that are started in this block a folder in common, unless they have one already."""
    given = os.environ.get(VARIABLE)
    if given:
        yield Path(given)
        return
    _sweep()
    folder = Path(mkdtemp(prefix=_PREFIX, dir=_parent()))
    held = _hold(folder)
    os.environ[VARIABLE] = str(folder)
    try:
        yield folder
    finally:
        del os.environ[VARIABLE]
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def open_file(file: Path) -> int:
    """Return a descriptor of a file, which is made where there is none."""
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def grow(descriptor: int, size: int) -> None:
    """Fill a file up with zeros; nobody else may do so meanwhile.

    They are written: a full disk says so here, not by a signal (SIGBUS) when memory is touched.
    """
    missing = size - os.fstat(descriptor).st_size
    while missing > 0:  # a disk that is nearly full takes a part, and says so only when asked again
        missing -= os.pwrite(descriptor, bytes(missing), size - missing)


def memory(descriptor: int | None, size: int) -> mmap.mmap:
    """Return the file's bytes as memory; memory of this process alone where there is no file."""
    return mmap.mmap(-1 if descriptor is None else descriptor, size)


def _parent() -> Path:
    return _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else Path(gettempdir())


def _hold(folder: Path) -> int:
    """Mark a folder as in use while the descriptor is open: not even a killed server leaves the mark."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _sweep() -> None:
    """Delete what servers left that were killed."""
    for folder in _parent().glob(f"{_PREFIX}*"):
        with suppress(OSError):  # in use, somebody else's, or just deleted
            if time.time() - folder.stat().st_mtime > _STARTING_S:
                os.close(_hold(folder))
                shutil.rmtree(folder)
