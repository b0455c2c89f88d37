"""One pass of keeping a replica: whatever happens at the warehouse, the file has the same afterwards."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from app.errors import NothingPublished, PrunedRun, StoreFailure
from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.serving import store as stores
from app.serving.errors import NoStore
from app.serving.replica import sync
from app.serving.store import MartStore
from app.settings import Settings
from tests.support.movies import LATER, MOVIES
from tests.support.replicated import TABLES, Elsewhere, Replicated, elsewhere, rows
from tests.support.small import movie, write


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "FRESH_FOR_S", 0.0)


@pytest.fixture
def pair(tmp_path: Path) -> Replicated:
    """Runs ``first``, published, ``second`` and ``held``."""
    made = elsewhere(tmp_path)
    for run, movies in (("first", MOVIES), ("second", LATER), ("held", MOVIES[:2])):
        made.world.add(run, movies)
    made.publish("first")
    return made


@pytest.fixture
def store(pair: Replicated) -> Iterator[MartStore]:
    made = MartStore(pair.place.store)
    yield made
    made.close()


def identity(pair: Replicated) -> int:
    return pair.place.store.stat().st_ino


def test_every_row_of_every_kept_run_is_copied_with_what_only_the_api_reads(pair: Replicated) -> None:
    assert pair.replica().sync()
    assert pair.held() == pair.kept()
    assert pair.files() == {"marts.sqlite", "marts"}


def test_a_real_run_has_the_same_leaders_and_statistics(tmp_path: Path) -> None:
    made = elsewhere(tmp_path)
    records = [movie(number, date=f"{1500 + number % 500}-01-01") for number in range(1, 999)]
    settings = Settings(home=tmp_path / "etl", warehouse_url=made.url, _env_file=None)
    run_delivery(settings, str(write(tmp_path / "a.csv", records)), RunOptions())
    assert made.replica().sync()
    tables = (*TABLES, "leader", "sqlite_stat1")
    replica = rows(made.place.store, *tables)
    warehouse = rows(Path(made.world.engine.url.database or ""), *tables)
    for found in (replica, warehouse):  # SQLite counted the catalogue's rows at other times
        found["sqlite_stat1"] = [row for row in found["sqlite_stat1"] if row[0] in TABLES[2:]]
        assert found["sqlite_stat1"]
        assert found["leader"]
    assert replica == warehouse


def test_an_empty_warehouse_is_a_replica_of_nothing(tmp_path: Path) -> None:
    made = elsewhere(tmp_path)
    store = MartStore(made.place.store)
    with pytest.raises(NoStore):
        store.state()
    assert made.replica().sync()
    with pytest.raises(NothingPublished):
        asyncio.run(store.read(lambda see: see.published()))
    store.close()


def test_nothing_is_done_where_nothing_happened(pair: Replicated) -> None:
    replica = pair.replica()
    replica.sync()
    before = identity(pair)
    assert not replica.sync()
    assert not pair.replica().sync()
    assert identity(pair) == before


def test_a_pointer_that_moves_does_so_in_the_file_that_is_there(pair: Replicated, store: MartStore) -> None:
    replica = pair.replica()
    replica.sync()
    before = identity(pair)
    moves: dict[str, Callable[[], None]] = {"second": lambda: pair.publish("second"), "first": pair.rollback}
    for run, move in moves.items():
        move()
        assert replica.sync()
        assert asyncio.run(store.read(lambda see: see.published().run_id)) == run
        assert pair.held() == pair.kept()
    assert identity(pair) == before


def test_a_new_run_comes_in_a_new_file(pair: Replicated, store: MartStore) -> None:
    replica = pair.replica()
    replica.sync()
    before = identity(pair)
    pair.world.add("third", MOVIES[::2])
    pair.publish("third")
    assert replica.sync()
    assert identity(pair) != before
    assert pair.held() == pair.kept()
    for bulk in (False, True):
        assert asyncio.run(store.read(lambda see: see.published().run_id, bulk=bulk)) == "third"


def test_a_pruned_run_is_gone_and_known_as_pruned(pair: Replicated, store: MartStore) -> None:
    replica = pair.replica()
    pair.publish("second")
    replica.sync()
    pair.prune("first")
    assert replica.sync()
    assert pair.held() == pair.kept()
    assert {row[0] for row in pair.held()["mart_year"]} == {2, 3}
    with pytest.raises(PrunedRun):
        asyncio.run(store.read(lambda see: see.once_published("first")))


def test_a_failed_run_is_in_the_catalogue_alone(pair: Replicated) -> None:
    replica = pair.replica()
    replica.sync()
    before = identity(pair)
    pair.world.add("failed", (), status="failed", tables={})
    assert replica.sync()
    assert pair.held() == pair.kept()
    assert identity(pair) == before


def test_old_files_go_once_nobody_can_be_opening_them(
    pair: Replicated, store: MartStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = pair.replica()
    replica.sync()
    for bulk in (False, True):
        asyncio.run(store.read(lambda see: see.current, bulk=bulk))
    pair.world.add("third", LATER)
    replica.sync()
    assert len([file for file in pair.place.files() if file.suffix == ".sqlite"]) == 2
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + sync.KEPT_FOR_S)
    replica.sync()
    assert [file for file in pair.place.files() if file.suffix == ".sqlite"] == [pair.place.store.resolve()]
    store.state()  # whoever asks anything lets go of the old file, idle threads' sessions included
    opened = [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    assert [name for name in opened if "marts-" in name and "deleted" in name] == []


def test_a_warehouse_that_was_made_anew_is_copied_anew(pair: Replicated, tmp_path: Path) -> None:
    pair.replica().sync()
    (tmp_path / "again").mkdir()
    other = elsewhere(tmp_path / "again")
    other.world.add("other", LATER)
    other.publish("other")
    again = Replicated(other.world, pair.url, pair.home)
    assert again.replica().sync()
    assert again.held() == other.kept()


class Pruning(Elsewhere):
    """Prunes a run when its last table is read, after the others were."""

    def __init__(self, pair: Replicated, run: str, number: int) -> None:
        super().__init__(pair.world.engine)
        self._pair, self._run, self._number = pair, run, number

    def read(self, connection: Connection, table: Any, run: int) -> Any:
        if (table.name, run) == ("dim_production_company", self._number):
            self._number = 0
            connection.rollback()
            self._pair.prune(self._run)
        return super().read(connection, table, run)


def test_a_run_that_is_pruned_while_it_is_copied_is_left_out(pair: Replicated) -> None:
    replica = pair.replica()
    replica._warehouse = Pruning(pair, "second", 2)
    assert replica.sync()
    assert pair.held() == pair.kept()
    assert {row[0] for row in pair.held()["mart_year"]} == {1, 3}


def test_a_run_that_lacks_rows_is_refused_and_what_was_there_serves_on(pair: Replicated) -> None:
    pair.replica().sync()
    before = pair.held()
    pair.world.add("third", MOVIES)
    with pair.world.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM mart_genre_year WHERE run = 4 AND genre_id = 18")
    with pytest.raises(StoreFailure, match="rows of mart_genre_year of run third, not"):
        pair.replica().sync()
    assert pair.held() == before
