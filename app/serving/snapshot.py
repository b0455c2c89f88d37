"""What one question sees of the mart store."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from app.errors import NothingPublished, UnknownRun
from app.marts.definitions import Dimension
from app.marts.tables import DIMENSION_TABLES, SEARCH_KEY
from app.serving.conditions import Kind
from app.serving.direct import Marts, check_kept, rows_of
from app.serving.relations import of_run
from app.serving.session import Session, State
from app.serving.statement import Compiled, Shape, compiled, of_shape
from app.warehouse import runs
from app.warehouse.runs import Run

#: Look-ups of members that are remembered, some 300 bytes each.
MEMBERS = 4_096

#: More characters than a run id has; what is longer is not worth repeating in an error.
_MAX_RUN_ID = 64
_COLUMNS: Mapping[Kind, str] = {"key": "id", "slug": "slug", "name": "name"}


class Snapshot:
    """What one question sees: one state of the store, whatever is published meanwhile."""

    def __init__(self, session: Session, state: State, marts: Marts | None = None) -> None:
        self._session = session
        self._state = state
        self._marts = marts

    @property
    def lists(self) -> bool:
        """Whether the store has the marts, and what their load worked out of them."""
        return self._marts is None

    @property
    def marts(self) -> Connection:
        """SQLAlchemy's view of the rows of marts, wherever they are."""
        return self.catalogue if self._marts is None else self._marts.connection

    def page(self, shape: Shape, values: Mapping[str, Any]) -> tuple[Compiled, Mapping[str, Any]]:
        """Return the statement of a page, and what it binds: its rows themselves, if they had to be fetched.

        Raises:
            InvalidParameters: a sum asked for does not fit 64 bits.
        """
        if self._marts is None:
            return of_shape(shape), values
        return rows_of(self._marts.connection, shape, values)

    def check_kept(self, *runs: Run) -> None:
        """Check that runs were there when rows of them were read, just now.

        Raises:
            StoreFailure: one was pruned meanwhile.
        """
        if self._marts is not None:
            check_kept(self._marts.connection, *(run.seq for run in runs))

    @property
    def catalogue(self) -> Connection:
        """SQLAlchemy's view of the same state, for what reads the run catalogue."""
        self._session.count_from_here()
        return self._session.catalogue

    def rows(self, statement: Compiled, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows.

        Raises:
            InvalidParameters: a sum asked for does not fit 64 bits.
        """
        return self._session.rows(statement, values)

    def ids(self, dimension: Dimension, kind: Kind, value: str | int, run: Run) -> list[int]:
        """Return the ids of the members whose key, slug or name is a value, or whose search key has it."""
        known, key = self._state.members, (run.seq, dimension.name, kind, value)
        found = known.get(key)
        if found is None:
            rows = self.rows(_members(dimension.name, kind), {"run": run.seq, "value": value})
            found = [row[0] for row in rows]
            if found and kind != "part":  # a value that there is none of may be any text, of any length
                if len(known) >= MEMBERS:
                    known.clear()
                known[key] = found
        return found

    @property
    def current(self) -> Run | None:
        """The published run, None where nothing is published."""
        return self._state.current

    def published(self) -> Run:
        """Return the published run.

        Raises:
            NothingPublished: there is none yet.
        """
        run = self._state.current
        if run is None:
            raise NothingPublished("no run is published yet")
        return run

    def find(self, run_id: str) -> Run:
        """Return a kept run by id, published or not.

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
        run = self._state.kept.get(run_id)
        if run is None:
            self.find(run_id)
            raise UnknownRun(f"run {run_id} was never published")
        return run


@lru_cache
def _members(dimension: str, kind: Kind) -> Compiled:
    table = DIMENSION_TABLES[dimension]
    value: BindParameter[Any] = bindparam("value")
    same = func.instr(table.c[SEARCH_KEY], value) > 0 if kind == "part" else table.c[_COLUMNS[kind]] == value
    return compiled(select(table.c.id).where(of_run(table), same))
