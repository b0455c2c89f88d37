"""Pruning: the newest runs and the current one stay; the rest goes from the warehouse, then from the lake."""

from pathlib import Path

import pytest
from sqlalchemy import select

from app.database import transaction
from app.etl.retention import keep_newest
from app.marts.catalog import run_table
from app.storage import LocalStore
from app.warehouse import publish as pointer
from app.warehouse import runs
from app.warehouse.base import Warehouse
from tests.support.movies import MOVIES
from tests.support.warehouses import loaded_runs
from tests.support.world import World


@pytest.fixture
def landed(empty: World, home: Path) -> World:
    """Runs ``a`` to ``d``, landed in two lakes; ``a`` is published."""
    for number, name in enumerate("abcd"):
        folder = home / f"lake{number % 2}" / "runs" / name
        (folder / "report").mkdir(parents=True)
        for file in ("year.parquet", "report/genre_data.csv", "manifest.json"):
            (folder / file).write_text(name)
        empty.add(name, MOVIES, location=str(folder))
    with transaction(empty.engine) as connection:
        pointer.publish(connection, "a")
    return empty


def in_lake(home: Path) -> list[str]:
    return sorted(folder.name for folder in home.glob("lake*/runs/*"))


def in_warehouse(world: World) -> list[str]:
    """Return the runs that have rows, the same ones in every table."""
    with world.engine.connect() as connection:
        found = select(run_table.c.run_id).where(run_table.c.seq.in_(loaded_runs(connection)))
        return sorted(connection.execute(found).scalars())


@pytest.mark.parametrize(("keep", "left"), [(1, "ad"), (2, "acd"), (3, "abcd"), (4, "abcd"), (100, "abcd")])
def test_the_newest_and_the_current_stay(landed: World, home: Path, keep: int, left: str) -> None:
    deleted = keep_newest(landed.warehouse, keep)
    assert {run.run_id for run in deleted} == set("abcd") - set(left)
    assert in_warehouse(landed) == in_lake(home) == list(left)
    with landed.engine.connect() as connection:
        assert [run.run_id for run in runs.newest_first(connection)] == sorted(left, reverse=True)


def test_failed_runs_count_and_go_too(landed: World, home: Path) -> None:
    landed.add("e", (), status="failed")
    assert [run.run_id for run in keep_newest(landed.warehouse, 1)] == ["d", "c", "b"]
    assert [run.run_id for run in keep_newest(landed.warehouse, 1)] == []
    assert in_lake(home) == ["a"]


def test_a_run_published_meanwhile_stays(landed: World, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = pointer.prunable

    def published_meanwhile(connection: object, keep: int) -> object:
        found = original(connection, keep)  # type: ignore[arg-type] # passed on
        with transaction(landed.engine) as mover:
            pointer.publish(mover, "c")
        return found

    monkeypatch.setattr(pointer, "prunable", published_meanwhile)
    assert [run.run_id for run in keep_newest(landed.warehouse, 1)] == ["b"]
    assert in_warehouse(landed) == in_lake(home) == ["a", "c", "d"]


@pytest.mark.parametrize("files_deleted", [0, 1])
def test_a_prune_killed_half_way_is_completed_by_the_next(
    landed: World, home: Path, monkeypatch: pytest.MonkeyPatch, files_deleted: int
) -> None:
    def killed(store: LocalStore, prefix: str) -> None:
        for file in list((Path(store.url) / prefix).glob("*.parquet"))[:files_deleted]:
            file.unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "delete_below", killed)
        with pytest.raises(KeyboardInterrupt):
            keep_newest(landed.warehouse, 1)
    assert in_lake(home) == list("abcd")
    assert in_warehouse(landed) == ["a", "d"]
    assert keep_newest(landed.warehouse, 1) == []
    assert in_lake(home) == ["a", "d"]
    with landed.engine.connect() as connection:
        left = connection.execute(select(run_table.c.run_id).where(run_table.c.location.is_not(None)))
        assert sorted(left.scalars()) == ["a", "d"]


def test_one_killed_between_two_runs_goes_on_with_the_next(
    landed: World, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = pointer.prune

    def killed(warehouse: Warehouse, run: runs.Run) -> bool:
        if run.run_id == "b":
            raise KeyboardInterrupt
        return original(warehouse, run)

    with monkeypatch.context() as patched:
        patched.setattr(pointer, "prune", killed)
        with pytest.raises(KeyboardInterrupt):
            keep_newest(landed.warehouse, 1)
    assert (in_warehouse(landed), in_lake(home)) == (["a", "b", "d"], list("abcd"))
    keep_newest(landed.warehouse, 1)
    assert in_warehouse(landed) == in_lake(home) == ["a", "d"]
