"""What commands open: the warehouse, and the landed files of a run."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from app.errors import UnknownRun
from app.settings import load_settings
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
def landed(run: Run, key: str) -> Iterator[Path]:
    """Give a local copy of one of a run's landed files; ``key`` is its full key.

    Raises:
        UnknownRun: the run failed before it landed.
        StoreFailure: the file is gone.
    """
    if run.location is None:
        raise UnknownRun(
            f"run {run.run_id} has no landed files ({run.reason})", "choose another: 'app etl runs'"
        )
    from app.etl.landing import landed_store  # late: polars

    with tempfile.TemporaryDirectory(prefix="app-") as work:
        yield landed_store(run.run_id, run.location).local(key, Path(work))
