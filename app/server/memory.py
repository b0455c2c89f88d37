"""Memory of a worker that serves large files: given back to the system when they are sent."""

import ctypes
from contextlib import suppress

#: ``mallopt`` of glibc: https://man7.org/linux/man-pages/man3/mallopt.3.html
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGE_BYTES = 128 * 1024


def give_back() -> None:
    """Let blocks of 128 KiB and more be the system's own, for good.

    glibc raises that limit to the largest block that was ever freed, and keeps smaller ones in a heap per
    thread: four exports at once left 280 MB in a worker that needs 160. Other libraries have no ``mallopt``.
    """
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_TRIM_THRESHOLD, _LARGE_BYTES)
