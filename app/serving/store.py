"""The local mart store that requests read: a SQLite file, opened read-only and kept open.

Everything here runs on the event loop's thread: a page is read faster than handed to another thread.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, create_engine, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from app.errors import NothingPublished, StoreFailure, SumOverflow, UnknownRun
from app.marts.catalog import publication_table
from app.marts.definitions import Dimension, MatchOn
from app.marts.tables import DIMENSION_TABLES
from app.serving.relations import of_run
from app.serving.statement import Compiled, compiled
from app.warehouse import runs
from app.warehouse.runs import Run

_BUSY_TIMEOUT_S = 1.0
_POINTER = compiled(select(func.max(publication_table.c.seq)))
_COLUMNS: Mapping[MatchOn, str] = {"key": "id", "slug": "slug", "name": "name"}


class Snapshot:
    """What one request sees: one state of the store, whatever is published meanwhile."""

    def __init__(self, store: "MartStore", driver: sqlite3.Connection, catalogue: Connection) -> None:
        self._store = store
        self._driver = driver
        self.catalogue = catalogue

    def rows(self, statement: Compiled, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows.

        Raises:
            SumOverflow: a sum asked for does not fit 64 bits.
        """
        try:
            return self._driver.execute(statement.sql, {**statement.constants, **values}).fetchall()
        except sqlite3.OperationalError as error:
            if "integer overflow" in str(error):
                raise SumOverflow("a sum is beyond 2^63-1", "select fewer years") from error
            raise

    def ids(self, dimension: Dimension, kind: MatchOn, value: str | int, run: Run) -> list[int]:
        """Return the ids of the members of a dimension whose key, slug or name is a value."""
        found = self.rows(_members(dimension.name, kind), {"run": run.seq, "value": value})
        return [row[0] for row in found]

    @property
    def current(self) -> Run | None:
        """The published run, None where nothing is published."""
        return self._store.pointed(self)

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
    """Opens the file when it is first needed, and again when it was replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: tuple[sqlite3.Connection, Connection] | None = None
        self._file: tuple[int, int] | None = None
        self._pointer: tuple[int | None, Run | None] = (None, None)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Read one state of the store.

        Raises:
            StoreFailure: it cannot be read, or is not migrated yet.
        """
        try:
            driver, catalogue = self._connections()
            driver.execute("BEGIN")
            try:
                yield Snapshot(self, driver, catalogue)
            finally:
                driver.execute("ROLLBACK")
        except (OSError, sqlite3.Error, DBAPIError) as error:
            self.close()
            raise StoreFailure(f"the mart store cannot be read: {error}", "see the server's log") from error

    def pointed(self, snapshot: Snapshot) -> Run | None:
        """Return the run that the published pointer names in a snapshot; reads the run only when it moved."""
        pointer = snapshot.rows(_POINTER, {})[0][0]
        if pointer != self._pointer[0]:
            self._pointer = (pointer, runs.current(snapshot.catalogue))
        return self._pointer[1]

    def close(self) -> None:
        """Close the file; the next snapshot opens it again."""
        opened, self._opened = self._opened, None
        self._pointer = (None, None)
        if opened is not None:
            with suppress(sqlite3.Error, DBAPIError):
                opened[1].close()
                opened[1].engine.dispose()

    def _connections(self) -> tuple[sqlite3.Connection, Connection]:
        status = self._path.stat()
        if self._opened is None or (status.st_dev, status.st_ino) != self._file:
            self.close()
            self._file = (status.st_dev, status.st_ino)
            self._opened = _open(self._path)
        return self._opened


def _open(path: Path) -> tuple[sqlite3.Connection, Connection]:
    """Open the file once, for the driver and for SQLAlchemy; transactions are the driver's, begun by hand."""
    driver = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=_BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    engine = create_engine("sqlite://", creator=lambda: driver, poolclass=StaticPool)
    return driver, engine.connect().execution_options(isolation_level="AUTOCOMMIT")


@lru_cache
def _members(dimension: str, kind: MatchOn) -> Compiled:
    table = DIMENSION_TABLES[dimension]
    found = select(table.c.id).where(of_run(table), table.c[_COLUMNS[kind]] == bindparam("value"))
    return compiled(found)
