"""The folder a run works in, deleted at its end; a dead run's folder is deleted by the next."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import StoreFailure
from app.warehouse.process import alive, machine, process

_OWNER = "owner"


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
    folder = parent / run_id
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _delete_dead(parent)
        folder.mkdir()
        (folder / _OWNER).write_text(f"{machine()}\n{process()}")
    except OSError as error:
        raise StoreFailure(
            f"cannot work in {folder}: {error.strerror or error}", "check APP_HOME and its disk"
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _delete_dead(parent: Path) -> None:
    for folder in parent.iterdir():
        owner = folder / _OWNER
        if not owner.is_file():
            continue
        where, _, who = owner.read_text().partition("\n")
        if where == machine() and who and not alive(who):
            shutil.rmtree(folder, ignore_errors=True)
