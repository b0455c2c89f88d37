"""Copying what a warehouse holds into a SQLite file that is read in its place: the catalogue, and runs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from sqlalchemy import Connection, Table, Text, case, func, insert, select

from app.errors import StoreFailure
from app.marts.catalog import publication_table, run_table
from app.marts.tables import RUN_TABLES, landed_columns
from app.warehouse.base import Warehouse
from app.warehouse.load import load_tables

#: A few numbers that are others as soon as the catalogue is another. Statuses change with the pointer.
Mark = tuple[Any, ...]
#: Reading it costs a warehouse next to nothing, however often.
_MARK = select(
    select(func.max(publication_table.c.seq)).scalar_subquery(),
    func.max(run_table.c.run_id),
    func.count(run_table.c.seq),
    func.count(case((run_table.c.status != "failed", 1))),
    *(func.count(run_table.c[name]) for name in ("reason", "pruned_at", "location")),
)

#: How often the catalogue is read again where somebody writes to it at the same time.
_ATTEMPTS = 5


@dataclass(frozen=True)
class Contents:
    """The rows of ``run`` and of ``publication`` of one moment, by number."""

    mark: Mark
    runs: Sequence[Mapping[str, Any]]
    publications: Sequence[Mapping[str, Any]]

    @property
    def loaded(self) -> dict[int, Mapping[str, Any]]:
        """The runs that have marts, by number: kept, and not failed."""
        kept = (run for run in self.runs if run["pruned_at"] is None)
        return {run["seq"]: run for run in kept if run["status"] != "failed"}

    @property
    def published(self) -> str | None:
        """The id of the published run."""
        if not self.publications:
            return None
        newest = self.publications[-1]["run"]
        return next(str(run["run_id"]) for run in self.runs if run["seq"] == newest)

    def follows(self, before: "Contents") -> bool:
        """Return whether this can have become of ``before``; not where the warehouse was made anew."""
        runs = {run["seq"]: run["run_id"] for run in self.runs}
        moves = {item["seq"]: item["run"] for item in self.publications}
        return all(runs.get(run["seq"]) == run["run_id"] for run in before.runs) and all(
            moves.get(item["seq"]) == item["run"] for item in before.publications
        )


def read_mark(connection: Connection) -> Mark:
    """Return the mark of a catalogue."""
    return tuple(connection.execute(_MARK).one())


def read_contents(connection: Connection) -> Contents:
    """Return what a catalogue says at one moment, on any isolation level.

    Raises:
        StoreFailure: it changes all the time.
    """
    for _ in range(_ATTEMPTS):
        mark = read_mark(connection)
        found = Contents(mark, _rows(connection, run_table), _rows(connection, publication_table))
        if read_mark(connection) == mark:
            return found
    raise StoreFailure("the catalogue changes while it is read", "try again")


def _rows(connection: Connection, table: Table) -> list[Mapping[str, Any]]:
    return [dict(row) for row in connection.execute(select(table).order_by(table.c.seq)).mappings()]


def write_contents(connection: Connection, contents: Contents) -> None:
    """Make a SQLite file's catalogue say the same, in the caller's transaction."""
    for table, rows in ((run_table, contents.runs), (publication_table, contents.publications)):
        if rows:
            connection.execute(insert(table).prefix_with("OR REPLACE"), list(rows))


def copy_run(
    source: Warehouse, run: Mapping[str, Any], target: Connection, tables: Collection[str] = RUN_TABLES
) -> None:
    """Load these tables of a run from a warehouse into a SQLite file, in the caller's transaction there.

    Each table is read at one moment, and a run never changes: where all its rows came, they are the run's.

    Raises:
        StoreFailure: they are not all there; the run was just pruned, say.
    """
    load_tables(target, run["seq"], lambda name: _read(source, run, name).lazy(), tables)


def _read(source: Warehouse, run: Mapping[str, Any], name: str) -> pl.DataFrame:
    table, promised = RUN_TABLES[name], run["tables"].get(name)
    with source.engine.connect() as connection:  # one each: a long transaction would keep others from pruning
        parts = [_empty(table), *source.read(connection, table, run["seq"])]
    rows = pl.concat(parts, how="vertical_relaxed")
    if len(rows) != promised:
        raise StoreFailure(
            f"the warehouse has {len(rows)} rows of {table.name} of run {run['run_id']}, not {promised}",
            "see 'app etl verify'",
        )
    return rows


def _empty(table: Table) -> pl.DataFrame:
    """Return no rows in the types of a table: scaled measures are integers."""
    return pl.DataFrame(
        schema={
            item.name: pl.String if isinstance(item.type, Text) else pl.Int64
            for item in landed_columns(table)
        }
    )
