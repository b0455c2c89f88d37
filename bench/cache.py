"""What benchmarks keep between runs: large marts, and environments of other programs."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

_ROOT = Path(__file__).parents[1]
#: Code that decides what published marts look like on disk.
_MAKES_MARTS = ("app/etl", "app/marts", "app/warehouse", "migrations")


def folder() -> Path:
    """Return the folder: below ``XDG_CACHE_HOME`` where that is set, else ``var/bench`` of this checkout."""
    shared = os.environ.get("XDG_CACHE_HOME")
    found = Path(shared) / "movie-marts" if shared else _ROOT / "var" / "bench"
    found.mkdir(parents=True, exist_ok=True)
    return found


def kept(name: str, state: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that ``make`` filled, now or in an earlier run with the same ``state``."""
    wanted = folder() / f"{name}-{state}"
    if not (wanted / ".complete").exists():
        for old in folder().glob(f"{name}-*"):
            shutil.rmtree(old)
        wanted.mkdir()
        make(wanted)
        (wanted / ".complete").touch()
    return wanted


def marts_code() -> str:
    """Return a digest of the code that makes marts: marts of other code are made anew."""
    digest = hashlib.sha256()
    for part in _MAKES_MARTS:
        for file in sorted((_ROOT / part).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
