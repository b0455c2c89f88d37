"""The local mart store that requests read: a SQLite file, opened read-only and kept open.

Everything here runs on the event loop's thread: a page is read faster than handed to another thread.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, create_engine, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from app.errors import NothingPublished, StoreFailure, UnknownRun
from app.marts.catalog import publication_table
from app.marts.definitions import Dimension, MatchOn
from app.marts.tables import DIMENSION_TABLES
from app.serving.errors import invalid
from app.serving.relations import of_run
from app.serving.statement import Compiled, compiled
from app.warehouse import runs
from app.warehouse.runs import Run

_BUSY_TIMEOUT_S = 1.0
_UNREAD = -1
#: More characters than a run id has; what is longer is not worth repeating in an error.
_MAX_RUN_ID = 64
_POINTER = compiled(select(func.max(publication_table.c.seq)))
_COLUMNS: Mapping[MatchOn, str] = {"key": "id", "slug": "slug", "name": "name"}


@dataclass
class _File:
    """The open file, for the driver and for SQLAlchemy, and the run its published pointer names."""

    identity: tuple[int, int]
    driver: sqlite3.Connection
    catalogue: Connection
    pointer: int | None = _UNREAD
    published: Run | None = None
    stale: bool = False

    def follow(self, pointer: int | None) -> Run | None:
        """Return the run that the pointer names; reads the run only when the pointer moved."""
        if pointer != self.pointer:
            # SQLite reads the statistics that its plans need only when it opens a file.
            self.stale = self.pointer != _UNREAD
            self.pointer, self.published = pointer, runs.current(self.catalogue)
        return self.published


class Snapshot:
    """What one request sees: one state of the store, whatever is published meanwhile."""

    def __init__(self, file: _File) -> None:
        self._file = file

    @property
    def catalogue(self) -> Connection:
        """SQLAlchemy's view of the same state, for what reads the run catalogue."""
        return self._file.catalogue

    def rows(self, statement: Compiled, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows.

        Raises:
            InvalidParameters: a sum asked for does not fit 64 bits.
        """
        try:
            return self._file.driver.execute(statement.sql, {**statement.constants, **values}).fetchall()
        except sqlite3.OperationalError as error:
            if "integer overflow" in str(error):
                raise invalid("rollup", "a sum is beyond 2^63-1; select fewer years") from error
            raise

    def ids(self, dimension: Dimension, kind: MatchOn, value: str | int, run: Run) -> list[int]:
        """Return the ids of the members of a dimension whose key, slug or name is a value."""
        found = self.rows(_members(dimension.name, kind), {"run": run.seq, "value": value})
        return [row[0] for row in found]

    @property
    def current(self) -> Run | None:
        """The published run, None where nothing is published."""
        return self._file.follow(self.rows(_POINTER, {})[0][0])

    def published(self) -> Run:
        """Return the published run.

        Raises:
            NothingPublished: there is none yet.
        """
        run = self.current
        if run is None:
            raise NothingPublished("no run is published yet")
        return run

    def find(self, run_id: str) -> Run:
        """Return a kept run by id.

        Raises:
            UnknownRun: there is none.
            PrunedRun: its rows were deleted.
        """
        if len(run_id) > _MAX_RUN_ID:
            raise UnknownRun(f"no run of an id of {len(run_id)} characters")
        return runs.find(self.catalogue, run_id)

    def once_published(self, run_id: str) -> Run:
        """Return a kept run that is or was published; others are unknown to readers.

        Raises:
            UnknownRun: there is none.
            PrunedRun: its rows were deleted.
        """
        run = self.find(run_id)
        if run.published_at is None:
            raise UnknownRun(f"run {run_id} was never published")
        return run


class MartStore:
    """Opens the file when first needed, and anew when it was replaced or the published pointer moved."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: _File | None = None

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Read one state of the store.

        Raises:
            StoreFailure: it cannot be read, or is not migrated yet.
        """
        try:
            file = self._current()
            file.driver.execute("BEGIN")
            try:
                yield Snapshot(file)
            finally:
                file.driver.execute("ROLLBACK")
        except (OSError, sqlite3.Error, DBAPIError) as error:
            self.close()
            raise StoreFailure(f"the mart store cannot be read: {error}", "see the server's log") from error

    def close(self) -> None:
        """Close the file; the next snapshot opens it again."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(sqlite3.Error, DBAPIError):
                file.catalogue.close()
                file.catalogue.engine.dispose()

    def _current(self) -> _File:
        status = self._path.stat()
        identity = (status.st_dev, status.st_ino)
        if self._file is None or self._file.stale or self._file.identity != identity:
            self.close()
            self._file = _open(self._path, identity)
        return self._file


def _open(path: Path, identity: tuple[int, int]) -> _File:
    """Open the file read-only. Transactions are the driver's, begun by hand."""
    driver = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=_BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    engine = create_engine("sqlite://", creator=lambda: driver, poolclass=StaticPool)
    return _File(identity, driver, engine.connect().execution_options(isolation_level="AUTOCOMMIT"))


@lru_cache
def _members(dimension: str, kind: MatchOn) -> Compiled:
    table = DIMENSION_TABLES[dimension]
    found = select(table.c.id).where(of_run(table), table.c[_COLUMNS[kind]] == bindparam("value"))
    return compiled(found)
