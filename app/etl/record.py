"""What is kept of a run: its row of the catalogue, its manifest, and how it failed if it did."""

import platform
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import polars as pl
from sqlalchemy import Connection, Engine, select, update

from app import __version__
from app.database import sole_writer
from app.errors import StoreFailure
from app.etl.delivery import Delivery
from app.etl.engines import Transformed
from app.etl.landing import landed_or_deleted, landed_store
from app.etl.options import RunOptions
from app.marts.catalog import publication_table, run_table
from app.storage import ObjectStore
from app.warehouse.runs import Status, insert_run, timestamp

KILLED = "the run was killed before it finished"
_NO_RESULT: dict[str, Any] = {
    "rows": 0,
    "accepted": 0,
    "rejects": {},
    "without": {},
    "tables": {},
    "files": [],
    "fingerprint": "",
}


def new_run_id(at: datetime) -> str:
    """Return a run id: URL-safe, sorting by time to the microsecond, unique by a random end."""
    return f"{at:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(3)}"


@dataclass
class RunRecord:
    """One run in the making: its identity, and the seconds each step took so far."""

    options: RunOptions
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    run_id: str = ""
    timings: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give the run its id, from its time."""
        self.run_id = self.run_id or new_run_id(self.created_at)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step."""
        start = time.perf_counter()
        yield
        self.timings[name] = round(time.perf_counter() - start, 3)

    def fingerprint(self, delivery: Delivery) -> str:
        """Return what identifies the marts to come."""
        return delivery.fingerprint(self.options.changing_marts())

    def identity(self, status: Status, reason: str | None) -> dict[str, Any]:
        """Return the part of the run's catalogue row that is known from its start."""
        return {
            "run_id": self.run_id,
            "status": status,
            "reason": reason,
            "as_of": self.options.as_of,
            "created_at": self.created_at,
            "published_at": None,
            "pruned_at": None,
            "options": self.options.document(),
            "engine": self.options.engine,
        }

    def held(
        self, delivery: Delivery, result: Transformed, reason: str, location: str | None
    ) -> dict[str, Any]:
        """Return the run's catalogue row before it is published."""
        return {
            **self.identity("held", reason),
            "rows": result.rows,
            "accepted": result.accepted,
            "rejects": dict(result.rejects),
            "without": dict(result.without),
            "tables": dict(result.tables),
            "files": delivery.document(),
            "fingerprint": self.fingerprint(delivery),
            "location": location,
        }

    def manifest(self, delivery: Delivery, result: Transformed) -> dict[str, Any]:
        """Return the manifest that lands with the run."""
        return {
            "run_id": self.run_id,
            "as_of": self.options.as_of,
            "created_at": timestamp(self.created_at),
            "source": delivery.source,
            "files": delivery.document(),
            "fingerprint": self.fingerprint(delivery),
            "options": self.options.document(),
            "engine": self.options.engine,
            "rows": result.rows,
            "accepted": result.accepted,
            "rejects": dict(result.rejects),
            "without": dict(result.without),
            "tables": dict(result.tables),
            "versions": {"app": __version__, "python": platform.python_version(), "polars": pl.__version__},
            "timings": dict(self.timings),
        }


def record_failure(record: RunRecord, warehouse: Engine, store: ObjectStore, error: BaseException) -> bool:
    """Keep a failed run in the catalogue and drop what it half landed; the caller raises the error.

    Returns:
        Whether all that could be done; where not, it is left to the next run.
    """
    reason = "interrupted" if isinstance(error, KeyboardInterrupt) else getattr(error, "message", str(error))
    try:
        identity = record.identity("failed", reason)
        _keep_failed(warehouse, {**identity, "location": landed_or_deleted(store, record.run_id)})
    except Exception as second:
        error.add_note(f"and the failure could not be recorded: {second}")
        return False
    return True


def record_killed(run_id: str, location: str, warehouse: Engine) -> None:
    """Keep a run whose process died, and drop what it half landed. A run that was published stays so."""
    died = RunRecord(RunOptions(engine=""), run_id=run_id).identity("failed", KILLED)
    left: str | None = location  # where it is out of reach, its files go when the run is pruned
    with suppress(StoreFailure):
        left = landed_or_deleted(landed_store(run_id, location), run_id)
    _keep_failed(warehouse, {**died, "location": left})


def _keep_failed(warehouse: Engine, values: Mapping[str, Any]) -> None:
    with sole_writer(warehouse, publication_table) as connection:
        _insert_or_explain(connection, values)


def _insert_or_explain(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a failed run; one that was loaded and not published stays held, with the reason."""
    loaded = select(run_table.c.status).where(run_table.c.run_id == values["run_id"])
    status = connection.execute(loaded).scalar_one_or_none()
    if status is None:
        insert_run(connection, {**_NO_RESULT, **values})
    elif status == "held":
        mine = update(run_table).where(run_table.c.run_id == values["run_id"])
        connection.execute(mine.values(reason=values["reason"]))
