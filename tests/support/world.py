"""A warehouse of such movies: runs that are kept, published, superseded or pruned."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Connection, Engine, TableClause, func, insert, select

from app.database import transaction
from app.marts.catalog import publication_table, run_table
from app.marts.tables import LEADER_TABLE, RANKING_TABLES, RUN_TABLES, SEARCH_TABLES
from app.warehouse.base import Warehouse
from app.warehouse.sqlite import SqliteWarehouse
from tests.support.landed import landed
from tests.support.leaders import RANKED, listed, ranking
from tests.support.movies import KEYS, Movie, Row, mart, shown, stored


@dataclass(frozen=True)
class World:
    """What a warehouse holds: the movies of each kept run."""

    engine: Engine
    runs: dict[str, Sequence[Movie]] = field(default_factory=dict)
    other: Warehouse | None = None

    @property
    def warehouse(self) -> Warehouse:
        """The same as the program has it: a SQLite file, unless it is another."""
        return self.other or SqliteWarehouse(self.engine)

    def rows(self, name: str, run: str | None = None) -> list[Row]:
        """Return a mart's rows as the API shows them, by key."""
        movies = self.runs[run] if run else next(iter(self.runs.values()))
        return [shown(row) for row in mart(name, movies)]

    def add(self, run_id: str, movies: Sequence[Movie], **columns: Any) -> None:
        """Load a run that is not published: into a SQLite file row by row, elsewhere as the program does."""
        self.runs[run_id] = movies
        if self.warehouse.capabilities.serves:
            with transaction(self.engine) as connection:
                _insert_tables(connection, _insert_run(connection, run_id, movies, columns), movies)
            return
        with landed(run_id, movies) as files:
            self.warehouse.stage(files)
            with transaction(self.engine) as connection:
                seq = _insert_run(connection, run_id, movies, columns)
                self.warehouse.load(connection, seq, files)

    def publish(self, run_id: str) -> None:
        """Move the published pointer, the way the catalogue has it: the newest row of ``publication``."""
        now = datetime.now(UTC)
        with transaction(self.engine) as connection:
            found = run_table.c.run_id == run_id
            seq, at = connection.execute(
                run_table.select().with_only_columns(run_table.c.seq, run_table.c.published_at).where(found)
            ).one()
            published = run_table.c.status == "published"
            connection.execute(run_table.update().where(published).values(status="superseded"))
            values = {"status": "published", "published_at": at or now}
            connection.execute(run_table.update().where(found).values(values))
            move = {"seq": _next(connection, publication_table.c.seq), "run": seq, "action": "publish"}
            connection.execute(insert(publication_table).values(**move, at=now))

    def prune(self, run_id: str) -> None:
        """Delete a run's rows, keeping its name."""
        with transaction(self.engine) as connection:
            found = run_table.c.run_id == run_id
            seq = connection.execute(
                run_table.select().with_only_columns(run_table.c.seq).where(found)
            ).scalar_one()
            self.warehouse.delete(connection, seq)
            connection.execute(run_table.update().where(found).values(pruned_at=datetime.now(UTC)))


def _insert_tables(connection: Connection, seq: int, movies: Sequence[Movie]) -> None:
    for name, table in RUN_TABLES.items():
        _insert(connection, table, seq, stored(name, movies))
        if name in SEARCH_TABLES:
            _insert(connection, SEARCH_TABLES[name], seq, searched(seq, stored(name, movies)))
    for name, key in KEYS.items():
        _insert(connection, LEADER_TABLE, seq, listed(name, mart(name, movies), key))
        if name in RANKED:
            _insert(connection, RANKING_TABLES[name], seq, ranking(mart(name, movies), RANKED[name]))


def searched(run: int, members: Sequence[Row]) -> list[Row]:
    """Return the rows of a full-text index: numbered by id, those of a run after 2^32 times its number."""
    by_id = sorted(members, key=lambda row: row["id"])
    return [
        {"rowid": run * 2**32 + place, "search_key": row["search_key"], "id": row["id"]}
        for place, row in enumerate(by_id)
    ]


def _insert(connection: Connection, table: TableClause, run: int, rows: Sequence[Row]) -> None:
    if rows:
        connection.execute(insert(table), [{"run": run, **row} for row in rows])


def _insert_run(connection: Connection, run_id: str, movies: Sequence[Movie], columns: Row) -> int:
    values = {
        "run_id": run_id,
        "status": "held",
        "as_of": "1998-12-31",
        "created_at": datetime(2025, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC),
        "rows": len(movies) + 1,
        "accepted": len(movies),
        "rejects": {"duplicate_id": 1},
        "without": {"genre": 1, "production_company": 1},
        "tables": {name: len(stored(name, movies)) for name in RUN_TABLES},
        "files": [{"path": "movies.csv", "size": 10, "sha256": "ab" * 32}],
        "options": {},
        "fingerprint": "cd" * 32,
        "engine": "polars",
    }
    seq = _next(connection, run_table.c.seq)
    connection.execute(insert(run_table).values(values | {"seq": seq} | columns))
    return seq


def _next(connection: Connection, column: Column[int]) -> int:
    return 1 + (connection.execute(select(func.max(column))).scalar() or 0)
