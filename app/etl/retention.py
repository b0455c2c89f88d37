"""Keeping the newest runs and the current one; the rest goes from the warehouse, then from the lake."""

from app.etl.landing import delete_landed, landed_store
from app.warehouse import publish
from app.warehouse.base import Warehouse
from app.warehouse.runs import Run


def keep_newest(warehouse: Warehouse, keep: int) -> list[Run]:
    """Delete every run but the ``keep`` newest and the current; return what was deleted.

    A run is gone for readers before its landed files are; files that a killed prune left behind go now.
    """
    with warehouse.engine.connect() as connection:
        runs = publish.prunable(connection, keep)
    deleted = [run for run in runs if publish.prune(warehouse, run)]
    with warehouse.engine.connect() as connection:
        left = publish.pruned_locations(connection)
    for run_id, location in left:
        delete_landed(landed_store(run_id, location), run_id)
        publish.forget_location(warehouse, run_id)
    return deleted
