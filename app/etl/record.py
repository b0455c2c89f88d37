"""What is kept of a run: its row of the catalogue, its manifest, and how it failed if it did."""

import platform
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Engine, select, update

from app import __version__
from app.database import sole_writer
from app.errors import AppError, ConfigurationError, StoreFailure
from app.etl.delivery import Delivery
from app.etl.engines import Transformed
from app.etl.landing import landed_or_deleted, landed_store
from app.etl.manifest import FileEntry, Manifest, ObjectEntry
from app.etl.options import RunOptions
from app.etl.work import delete_work
from app.marts.catalog import publication_table, run_table
from app.storage import ObjectStore
from app.warehouse.lock import Recover, RunLock
from app.warehouse.runs import Status, insert_run

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
    """One run in the making: its identity, the seconds each step took so far, what audits found."""

    options: RunOptions
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    run_id: str = ""
    timings: dict[str, float] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

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

    def manifest(self, delivery: Delivery, result: Transformed, objects: Sequence[ObjectEntry]) -> Manifest:
        """Return the manifest that lands with the run, whose other objects have."""
        return Manifest(
            run_id=self.run_id,
            as_of=self.options.as_of,
            created_at=self.created_at,
            source=delivery.source,
            files=[FileEntry(**file) for file in delivery.document()],
            fingerprint=self.fingerprint(delivery),
            options=self.options.document(),
            engine=self.options.engine,
            held="; ".join(self.findings) or None,
            rows=result.rows,
            accepted=result.accepted,
            rejects=dict(result.rejects),
            without=dict(result.without),
            tables=dict(result.tables),
            changes=result.changes.document() if result.changes else None,
            objects=list(objects),
            versions={"app": __version__, "python": platform.python_version(), "polars": pl.__version__},
            timings=dict(self.timings),
        )


def recovery(work_root: Path, warehouse: Engine) -> Recover:
    """Return what cleans up after a dead run: the catalogue, what it half landed, its folder of work."""

    def recover(dead: str, landing: str) -> None:
        record_killed(dead, landing, warehouse)
        delete_work(work_root, dead)

    return recover


@contextmanager
def recorded(
    identity: Mapping[str, Any], lock: RunLock, warehouse: Engine, store: ObjectStore
) -> Iterator[None]:
    """Put on record how a run ends, and settle its lock where that could be done."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        lock.settled = _record_failure(identity, warehouse, store, error)
        raise
    lock.settled = True


def _record_failure(
    identity: Mapping[str, Any], warehouse: Engine, store: ObjectStore, error: BaseException
) -> bool:
    """Keep a failed run in the catalogue and drop what it half landed; the caller raises the error.

    ``identity`` is that of the run as a failed one. Where it has landed, the error
    says how to go on from there.

    Returns:
        Whether all that could be done; where not, it is left to the next run.
    """
    reason = "interrupted" if isinstance(error, KeyboardInterrupt) else getattr(error, "message", str(error))
    landed, settled = None, True
    try:
        landed = landed_or_deleted(store, identity["run_id"])
        way_on = _keep_failed(
            warehouse, {**identity, "reason": reason, "location": landed}, landed is not None
        )
    except Exception as second:
        error.add_note(f"and the failure could not be recorded: {second}")
        way_on, settled = _loading(identity["run_id"]) if landed else "", False
    if isinstance(error, AppError):
        error.hint = _together(error.hint, way_on)
    return settled


def record_killed(run_id: str, location: str, warehouse: Engine) -> None:
    """Keep a run whose process died, and drop what it half landed. A run that was published stays so."""
    died = RunRecord(RunOptions(engine=""), run_id=run_id).identity("failed", KILLED)
    left: str | None = location  # where it is out of reach, its files go when the run is pruned
    landed = False
    with suppress(StoreFailure, ConfigurationError):
        left = landed_or_deleted(landed_store(run_id, location), run_id)
        landed = left is not None
    _keep_failed(warehouse, {**died, "location": left}, landed)


def _keep_failed(warehouse: Engine, values: Mapping[str, Any], landed: bool) -> str:
    """Insert a failed run; one that was loaded and not published stays held, with the reason.

    Returns:
        How to go on with the run; empty where there is no way.
    """
    mine = run_table.c.run_id == values["run_id"]
    load = _loading(values["run_id"]) if landed else ""
    with sole_writer(warehouse, publication_table) as connection:
        known = connection.execute(
            select(run_table.c.status, run_table.c.pruned_at).where(mine)
        ).one_or_none()
        if known is None:
            insert_run(connection, {**_NO_RESULT, **values, "reason": _together(values["reason"], load)})
        elif known.status == "held":
            connection.execute(update(run_table).where(mine).values(reason=values["reason"]))
    if known is None or known.status == "failed" or known.pruned_at is not None:
        return load
    return f"'app etl publish {values['run_id']}' publishes it" if known.status == "held" else ""


def _loading(run_id: str) -> str:
    return f"'app etl load {run_id}' loads what has landed"


def _together(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
