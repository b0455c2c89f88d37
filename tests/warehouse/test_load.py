"""What loading a run leaves behind for its readers, however many rows go at once."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from app.database import open_engine
from app.errors import StoreFailure
from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.marts.tables import LEADER_TABLE, MART_TABLES, RUN_TABLES
from app.settings import Settings
from app.warehouse import insert, load
from app.warehouse.base import LandedRun, Warehouse
from app.warehouse.opening import ready_warehouse
from tests.support import loading
from tests.support.landed import landed
from tests.support.movies import MOVIES
from tests.support.small import movie, write


@pytest.fixture
def warehouse(home: Path) -> Warehouse:
    return ready_warehouse(Settings(home=home, _env_file=None).warehouse)


@pytest.fixture
def files() -> Iterator[LandedRun]:
    with landed("run", MOVIES) as made:
        yield made


def test_a_question_for_one_year_uses_the_index_of_years(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", _env_file=None)
    records = [movie(number, date=f"{1900 + number % 100}-01-01") for number in range(1, 2_000)]
    run_delivery(settings, str(write(tmp_path / "a.csv", records)), RunOptions())
    with open_engine(settings.warehouse).connect() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT * FROM mart_company_genre_year WHERE run = 1 AND year = 1950"
        ).all()
    assert "ix_mart_company_genre_year_run_year" in plan[0][-1]


@pytest.mark.parametrize(("read", "inserted", "together"), [(5, 3, 2), (7, 100, 4), (100_000, 1_000, 8)])
def test_every_row_is_loaded_a_few_at_a_time(
    warehouse: Warehouse,
    files: LandedRun,
    monkeypatch: pytest.MonkeyPatch,
    read: int,
    inserted: int,
    together: int,
) -> None:
    monkeypatch.setattr(load, "_ROWS_READ", read)
    monkeypatch.setattr(insert, "_ROWS_INSERTED", inserted)
    monkeypatch.setattr(insert, "_ROWS_A_STATEMENT", together)
    at_once = []

    def seen(connection: object, table: object, frame: pl.DataFrame) -> None:
        if table in MART_TABLES.values():
            at_once.append(len(frame))
        insert.insert_frame(connection, table, frame)  # type: ignore[arg-type] # as they came

    monkeypatch.setattr(load, "insert_frame", seen)
    run = loading.load(warehouse, files)
    for name in RUN_TABLES:
        assert loading.rows(warehouse, name, run) == loading.wanted(name, MOVIES), name
    assert max(at_once) <= read
    assert sum(at_once) == sum(files.rows[name] for name in MART_TABLES)


def test_a_load_whose_leaders_fail_leaves_nothing(
    warehouse: Warehouse, files: LandedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Iterator[tuple[str, str, str]]:
        raise StoreFailure("no memory", "run again")

    monkeypatch.setattr(load, "leaders", broken)
    with pytest.raises(StoreFailure, match="no memory"):
        loading.load(warehouse, files)
    with warehouse.engine.connect() as connection:
        left = [connection.execute(table.select()).all() for table in (*RUN_TABLES.values(), LEADER_TABLE)]
    assert left == [[]] * len(left)
