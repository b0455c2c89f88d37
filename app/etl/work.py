"""The folder a run works in, deleted at its end; a dead run's folder is deleted by the next."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import StoreFailure
from app.warehouse.process import alive, machine, process


@contextmanager
def work_folder(parent: Path | None, run_id: str) -> Iterator[Path]:
    """Give a fresh folder below ``parent``; a temporary one where ``parent`` is None.

    Raises:
        StoreFailure: it cannot be created.
    """
    if parent is None:
        with tempfile.TemporaryDirectory(prefix="app-") as temporary:
            yield Path(temporary)
        return
    # The name says whose it is: there is no moment when the folder is there and its owner is not known.
    folder = parent / f"{run_id}.{process().replace('/', '-')}.{_machine()}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _delete_dead(parent)
        folder.mkdir()
    except OSError as error:
        raise StoreFailure(
            f"cannot work in {folder}: {error.strerror or error}", "check APP_HOME and its disk"
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def delete_work(parent: Path, run_id: str) -> None:
    """Delete the folder of a run that is known to be dead, whichever machine it ran on."""
    for folder in parent.glob(f"{run_id}.*"):
        shutil.rmtree(folder, ignore_errors=True)


def _delete_dead(parent: Path) -> None:
    for folder in parent.glob(f"*.*.{_machine()}"):
        if not alive(folder.name.split(".")[-2].replace("-", "/")):
            shutil.rmtree(folder, ignore_errors=True)


def _machine() -> str:
    return hashlib.sha256(machine().encode()).hexdigest()[:16]
