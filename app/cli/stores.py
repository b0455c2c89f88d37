"""What commands open: the warehouse, and the landed files of a run."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from app.errors import UnknownRun
from app.settings import load_settings
from app.storage import ObjectStore
from app.warehouse.base import Warehouse
from app.warehouse.opening import ready_warehouse, serves
from app.warehouse.runs import Run


def warehouse() -> Warehouse:
    """Open the warehouse, its schema at head."""
    return ready_warehouse(load_settings().warehouse)


def replica() -> Path | None:
    """Return the file that the API of this machine reads in place of the warehouse, where there is one."""
    settings = load_settings()
    if serves(settings.warehouse):
        return None
    from app.serving.replica import place_of  # late: commands need nothing else of it

    file = place_of(settings.home, settings.warehouse_given).store
    return file if file.is_file() else None


@contextmanager
def catalogue() -> Iterator[Connection]:
    """Open the warehouse for reading."""
    with warehouse().engine.connect() as connection:
        yield connection


@contextmanager
def landed_table(run: Run, table: str) -> Iterator[Path]:
    """Give a local file or folder with a landed table of a run, the rejects included.

    Raises:
        UnknownRun: the run failed before it landed.
        StoreFailure: it is gone.
    """
    from app.etl.landing import local_table  # late: polars

    with _landed(run) as (store, work):
        yield local_table(store, run.run_id, table, work)


@contextmanager
def landed_report(run: Run, report: str) -> Iterator[Path]:
    """Give a local file of a landed report of a run.

    Raises:
        UnknownRun: the run failed before it landed.
        StoreFailure: it is gone.
    """
    from app.etl.landing import report_key  # late: polars

    with _landed(run) as (store, work):
        yield store.local(report_key(run.run_id, report), work)


@contextmanager
def _landed(run: Run) -> Iterator[tuple[ObjectStore, Path]]:
    """Give the store that a run has landed in, and a folder for what has to be fetched from it."""
    if run.location is None:
        raise UnknownRun(
            f"run {run.run_id} has no landed files ({run.reason})", "choose another: 'app etl runs'"
        )
    from app.etl.landing import landed_store  # late: polars

    with tempfile.TemporaryDirectory(prefix="app-") as work:
        yield landed_store(run.run_id, run.location), Path(work)
