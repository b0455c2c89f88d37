"""Building a replica beside the present one, and putting it in its place."""

import os
import sqlite3
import time
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import event

from app.database import ready, transaction
from app.serving.replica.place import Place, open_file
from app.warehouse.base import Warehouse
from app.warehouse.mirror import Contents, copy_run, write_contents
from app.warehouse.sqlite import SqliteWarehouse


def build(place: Place, source: Warehouse, contents: Contents, held: Collection[int] | None) -> None:
    """Make the replica hold what the warehouse does; readers see the one before or all of the new one.

    ``held``: numbers of the runs in the present file, which is built upon; None where there is none to use.

    Raises:
        StoreFailure: the warehouse has not all rows of a run, or a file cannot be opened.
        DBAPIError: the warehouse cannot be read, or the file not written.
        OSError: the file cannot be written.
    """
    place.folder.mkdir(parents=True, exist_ok=True)
    discard(place)
    if held is not None:
        _copy(place.store, place.building)
    _fill(place, source, contents, frozenset(held or ()))
    _finish(place.building)
    _swap(place)


def discard(place: Place) -> None:
    """Delete what a build that did not end has left."""
    for left in place.folder.glob(f"{place.building.name}*"):
        left.unlink()


def sweep(place: Place) -> None:
    """Delete the files that were the replica before the present one."""
    present = place.store.resolve().name
    for file in place.files():
        if not file.name.startswith(present):
            file.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as present, closing(sqlite3.connect(target)) as copy:
        copy.execute("PRAGMA synchronous=OFF")
        present.backup(copy)


def _fill(place: Place, source: Warehouse, contents: Contents, held: Collection[int]) -> None:
    engine = open_file(place.building)
    event.listen(engine, "connect", _without_journal)
    ready(engine, "warehouse")
    target, wanted = SqliteWarehouse(engine), contents.loaded
    with transaction(engine) as connection:
        for run in held - wanted.keys():
            target.delete(connection, run)
        write_contents(connection, contents)
        for run in sorted(wanted.keys() - held):
            copy_run(source, wanted[run], connection, place.tables)


def _without_journal(connection: Any, _record: Any) -> None:
    """Write every page once and at leisure: a file that is not finished is thrown away."""
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF"):
        connection.execute(f"PRAGMA {pragma}")


def _finish(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    _sync(file)


def _swap(place: Place) -> None:
    """Let the link lead to the new file. The one before stays: who has just opened it has not read it yet."""
    file = place.folder / f"marts-{time.time_ns()}.sqlite"
    place.building.rename(file)
    link = place.folder / "link"
    link.unlink(missing_ok=True)
    link.symlink_to(file.name)
    link.replace(place.store)
    _sync(place.folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
