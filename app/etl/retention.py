"""Keeping the newest runs and the current one; the rest goes from the warehouse, then from the lake."""

from pathlib import PurePosixPath

from sqlalchemy import Engine

from app.etl.landing import run_prefix
from app.storage import open_store
from app.warehouse import publish
from app.warehouse.runs import Run


def keep_newest(warehouse: Engine, keep: int) -> list[Run]:
    """Delete every run but the ``keep`` newest and the current; return what was deleted.

    A run is gone for readers before its landed files are; files that a killed prune left behind go now.
    """
    with warehouse.connect() as connection:
        runs = publish.prunable(connection, keep)
    for run in runs:
        publish.prune(warehouse, run)
    with warehouse.connect() as connection:
        left = publish.pruned_locations(connection)
    for run_id, location in left:
        _delete_landed(run_id, location)
        publish.forget_location(warehouse, run_id)
    return runs


def _delete_landed(run_id: str, location: str) -> None:
    root = location.removesuffix(f"/{run_prefix(run_id)}")
    open_store(root or str(PurePosixPath("/"))).delete_below(run_prefix(run_id))
