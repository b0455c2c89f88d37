"""A warehouse that the API does not read, and the replica of it; both are SQLite files."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from app.database import open_engine, ready, transaction
from app.serving.replica.place import Place, place_of
from app.serving.replica.sync import Replica
from app.warehouse import runs
from app.warehouse.base import Warehouse
from app.warehouse.publish import prune, publish, rollback
from app.warehouse.sqlite import SqliteWarehouse
from tests.support.world import World

#: What a replica has, but for leaders: a world lists them as it likes, which no answer shows.
TABLES = (
    *("run", "publication", "mart_year", "mart_genre_year", "mart_company_year", "mart_company_genre_year"),
    *("dim_genre", "dim_production_company", "ranking_genre_year", "ranking_company_year"),
    *("search_genre", "search_production_company"),
)


class Elsewhere(SqliteWarehouse):
    """A warehouse that nobody but the replica reads."""

    capabilities = replace(SqliteWarehouse.capabilities, name="elsewhere", serves=False)


@dataclass(frozen=True)
class Replicated:
    """A world in a warehouse elsewhere, and the home of those who read its replica."""

    world: World
    url: str
    home: Path

    @property
    def warehouse(self) -> Warehouse:
        """The same as the program would have it."""
        return Elsewhere(self.world.engine)

    @property
    def place(self) -> Place:
        """Where the replica is kept."""
        return place_of(self.home, self.url)

    def replica(self) -> Replica:
        """Return what a process that was just started keeps."""
        self.place.folder.mkdir(parents=True, exist_ok=True)
        return Replica(self.warehouse, self.place)

    def publish(self, run: str) -> None:
        """Move the pointer, so that it can be moved back."""
        with transaction(self.world.engine) as connection:
            publish(connection, run)

    def rollback(self) -> None:
        """Move the pointer back."""
        with transaction(self.world.engine) as connection:
            rollback(connection)

    def prune(self, run: str) -> None:
        """Delete a run that is not published."""
        with self.world.engine.connect() as connection:
            found = runs.find(connection, run)
        assert prune(self.warehouse, found)

    def held(self) -> Mapping[str, list[Any]]:
        """Return every row of the replica, table by table."""
        return rows(self.place.store)

    def kept(self) -> Mapping[str, list[Any]]:
        """Return every row of the warehouse: the same is wanted of the replica."""
        return rows(Path(self.world.engine.url.database or ""))

    def files(self) -> set[str]:
        """Return what lies in the replica's folder, without what SQLite keeps beside an open file."""
        names = {path.name for path in self.place.folder.iterdir()}
        return {name.partition("-")[0] for name in names if not name.endswith(("-wal", "-shm"))}


def elsewhere(folder: Path) -> Replicated:
    """Make an empty warehouse, and a home that has no replica of it."""
    url = f"sqlite:///{folder / 'elsewhere.sqlite'}"
    engine: Engine = ready(open_engine(url), "warehouse")
    return Replicated(World(engine), url, folder / "home")


def rows(file: Path, *tables: str) -> dict[str, list[Any]]:
    """Return the rows of a SQLite file, table by table, in the order of all their columns."""
    return dict(_rows(file, tables or TABLES))


def _rows(file: Path, tables: Iterable[str]) -> Iterator[tuple[str, list[Any]]]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        connection.execute("BEGIN")
        for table in tables:
            found = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - our own names
            yield table, sorted(found, key=repr)
