"""The run catalogue: which runs there are and which one is published."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import Column, Connection, Row, Select, func, insert, select, update

from app.errors import NothingPublished, PrunedRun, UnknownRun, near_miss
from app.marts.catalog import publication_table, run_table

Status = Literal["published", "superseded", "held", "failed"]


@dataclass(frozen=True)
class Run:
    """One run as the catalogue knows it; times are aware UTC."""

    seq: int
    run_id: str
    status: Status
    reason: str | None
    as_of: str | None
    created_at: datetime
    published_at: datetime | None
    pruned_at: datetime | None
    rows: int
    accepted: int
    rejects: Mapping[str, int]
    without: Mapping[str, int]
    tables: Mapping[str, int]
    files: list[dict[str, Any]]
    options: Mapping[str, Any]
    fingerprint: str
    engine: str
    location: str | None

    def document(self) -> dict[str, Any]:
        """Return the run object of the contract, as API and command line print it."""
        return {
            "run_id": self.run_id,
            "status": self.status,
            "reason": self.reason,
            "as_of": self.as_of,
            "created_at": timestamp(self.created_at),
            "published_at": timestamp(self.published_at),
            "rows": self.rows,
            "accepted": self.accepted,
            "rejects": dict(self.rejects),
            "without": dict(self.without),
            "tables": dict(self.tables),
            "files": self.files,
            "engine": self.engine,
        }


@lru_cache(64)  # every page says when its run was published
def timestamp(at: datetime | None) -> str | None:
    """Return a time as RFC 3339 text in UTC, to the microsecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if at else None


def _run(row: Row[Any]) -> Run:
    return Run(**row._mapping)


def current_publication(connection: Connection) -> Row[Any] | None:
    """Return the newest row of the publication table: the published pointer."""
    newest = select(publication_table).order_by(publication_table.c.seq.desc()).limit(1)
    return connection.execute(newest).one_or_none()


def current(connection: Connection) -> Run | None:
    """Return the published run, or None where nothing is published yet."""
    pointer = current_publication(connection)
    if pointer is None:
        return None
    return _run(connection.execute(select(run_table).where(run_table.c.seq == pointer.run)).one())


def published(connection: Connection) -> Run:
    """Return the published run.

    Raises:
        NothingPublished: there is none yet.
    """
    run = current(connection)
    if run is None:
        raise NothingPublished("no run is published yet", "run 'app etl run SOURCE'")
    return run


def find(connection: Connection, run_id: str) -> Run:
    """Return a kept run by id.

    Raises:
        UnknownRun: there never was such a run.
        PrunedRun: its rows were deleted.
    """
    row = connection.execute(select(run_table).where(run_table.c.run_id == run_id)).one_or_none()
    if row is None:
        kept = [run.run_id for run in newest_first(connection)]
        raise UnknownRun(f"no run {run_id!r}", near_miss(run_id, kept[:5]) if kept else "there is no run yet")
    run = _run(row)
    if run.pruned_at is not None:
        raise PrunedRun(
            f"run {run_id} was pruned on {timestamp(run.pruned_at)}", "use a kept run: 'app etl runs'"
        )
    return run


def find_loaded(connection: Connection, run_id: str) -> Run | None:
    """Return a run whose rows are there; None where it is unknown, failed or was pruned."""
    mine = kept().where(run_table.c.run_id == run_id, run_table.c.status != "failed")
    return next(iter(read(connection, mine)), None)


def newest_first(connection: Connection) -> list[Run]:
    """Return every kept run, the newest first."""
    return read(connection, kept().order_by(run_table.c.run_id.desc()))


def kept() -> Select[Any]:
    """Return the statement of every kept run, in no order."""
    return select(run_table).where(run_table.c.pruned_at.is_(None))


def read(connection: Connection, runs: Select[Any], values: Mapping[str, Any] | None = None) -> list[Run]:
    """Return the runs that a statement of them finds."""
    return [_run(row) for row in connection.execute(runs, values)]


def insert_run(connection: Connection, values: Mapping[str, Any]) -> int:
    """Insert a run into the catalogue and return its number."""
    number = next_number(connection, run_table.c.seq)
    connection.execute(insert(run_table).values(**values, seq=number))
    return number


def readmit_run(connection: Connection, values: Mapping[str, Any]) -> int:
    """Insert a held run, or make one of a run that failed or was pruned; return its number.

    One that was published once is superseded, not held, and stays known as published.

    Raises:
        UnknownRun: the run has been loaded meanwhile.
    """
    mine = run_table.c.run_id == values["run_id"]
    known = connection.execute(select(run_table).where(mine)).one_or_none()
    if known is None:
        return insert_run(connection, values)
    if known.status != "failed" and known.pruned_at is None:
        raise UnknownRun(f"run {known.run_id} has been loaded meanwhile", "nothing is left to do")
    once = {"published_at": known.published_at, "status": "superseded", "reason": None}
    connection.execute(
        update(run_table).where(mine).values({**values, **(once if known.published_at else {})})
    )
    return int(known.seq)


def next_number(connection: Connection, column: Column[int]) -> int:
    """Return the number behind the greatest of a column: no warehouse but SQLite numbers rows by itself."""
    greatest = connection.execute(select(func.max(column))).scalar()
    return int(greatest or 0) + 1
