"""Loading a run into the warehouse, and publishing it: while it is made, or later from what has landed."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from app.database import bulk_transaction, sole_writer
from app.marts.catalog import publication_table
from app.settings import Settings
from app.storage import ObjectStore, open_store
from app.warehouse import runs
from app.warehouse.base import LandedRun, Warehouse
from app.warehouse.keepers import Keeper, keeper_of
from app.warehouse.lock import RunLock
from app.warehouse.publish import publish
from app.warehouse.runs import Run, insert_run

#: Why a run is held that nothing holds back.
AWAITING_PUBLISH = "loaded, not yet published"


@dataclass(frozen=True)
class Stores:
    """Where a run goes, and the lock that lets it."""

    warehouse: Warehouse
    lake: ObjectStore
    lock: RunLock

    def check_lock(self) -> None:
        """Raise ``StoreFailure`` where the lock was lost."""
        with self.warehouse.engine.connect() as connection:
            self.lock.check(connection)


def lock_keeper(warehouse: Warehouse, settings: Settings) -> Keeper:
    """Return what keeps the run lock: where all runs into a warehouse look, wherever one of them lands.

    Raises:
        ConfigurationError: the settings' destination cannot keep it.
    """
    lake = open_store(settings.lake)
    warehouse.check(lake.url)
    return keeper_of(warehouse, lake)


def load_run(
    stores: Stores,
    values: Mapping[str, Any],
    landed: LandedRun,
    has_landed: Callable[[], None] = lambda: None,
    enter: Callable[[Connection, Mapping[str, Any]], int] = insert_run,
) -> Run:
    """Bring a run's rows near and load them, in one transaction with its row of the catalogue, ``values``.

    ``has_landed`` returns once the run has landed, or raises; ``enter`` writes ``values`` and returns the
    run's number.

    Raises:
        StoreFailure: the lock was lost, or not every row arrived.
    """
    stores.warehouse.stage(landed)
    with _writing(stores.warehouse) as connection:
        stores.lock.check(connection)
        run = enter(connection, values)
        stores.warehouse.load(connection, run, landed)
        has_landed()
        return runs.find(connection, landed.run_id)


def _writing(warehouse: Warehouse) -> AbstractContextManager[Connection]:
    """Begin a load. Where keys are not enforced, only the order of writers keeps two runs from one number."""
    if warehouse.capabilities.enforces_keys:
        return bulk_transaction(warehouse.engine)
    return sole_writer(warehouse.engine, publication_table)


def publish_run(stores: Stores, run_id: str) -> Run:
    """Point readers at a loaded run.

    Raises:
        StoreFailure: the lock was lost.
    """
    with sole_writer(stores.warehouse.engine, publication_table) as connection:
        stores.lock.check(connection)
        return publish(connection, run_id)
