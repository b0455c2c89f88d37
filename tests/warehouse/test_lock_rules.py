"""The rules of the lock, wherever it is kept: who is refused, who is taken for dead, and who cleans up."""

import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.errors import RunInProgress, StoreFailure
from app.settings import Settings
from app.storage import open_store
from app.warehouse import lock
from app.warehouse.keepers import KEY, Holder, Keeper, ObjectKeeper, RowKeeper
from app.warehouse.lock import run_lock
from app.warehouse.opening import ready_warehouse
from app.warehouse.process import machine, process
from tests.support.waiting import wait_until


def _row(_: pytest.FixtureRequest, home: Path) -> Keeper:
    return RowKeeper(ready_warehouse(Settings(home=home, _env_file=None).warehouse).engine)


def _postgres_row(request: pytest.FixtureRequest, _: Path) -> Keeper:
    return RowKeeper(ready_warehouse(request.getfixturevalue("postgres").create()).engine)


def _file(_: pytest.FixtureRequest, home: Path) -> Keeper:
    return ObjectKeeper(open_store(str(home / "lake")))


def _object(request: pytest.FixtureRequest, _: Path) -> Keeper:
    server, patch = (request.getfixturevalue(name) for name in ("s3", "monkeypatch"))
    for name, value in server.environment().items():
        patch.setenv(name, value)
    return ObjectKeeper(open_store(f"s3://{server.bucket()}/marts"))


KEEPERS: Mapping[str, Callable[[pytest.FixtureRequest, Path], Keeper]] = {
    "row": _row,
    "postgres row": _postgres_row,
    "file": _file,
    "object": _object,
}


@pytest.fixture(params=KEEPERS)
def keeper(request: pytest.FixtureRequest, home: Path) -> Keeper:
    """A keeper of each kind, whose lock is free."""
    return KEEPERS[request.param](request, home)


def acquire(keeper: Keeper, run_id: str = "second") -> list[tuple[str, str]]:
    """Take the lock and give it back; return the dead runs that were cleaned up after."""
    dead: list[tuple[str, str]] = []
    with run_lock(keeper, run_id, f"lake/runs/{run_id}", lambda *run: dead.append(run)) as held:
        held.settled = True
    return dead


def left_by(keeper: Keeper, **values: Any) -> None:
    """Leave a lock as another process would have."""
    now = datetime.now(UTC)
    holder = Holder("first", "lake/runs/first", machine(), process(), now, now)
    assert keeper.take(replace(holder, **values), None)


def holder_of(keeper: Keeper) -> str | None:
    holder = keeper.holder()
    return holder.run_id if holder else None


def test_the_holder_is_known_to_the_microsecond(keeper: Keeper) -> None:
    left_by(keeper, process="17/4")
    found = keeper.holder()
    assert found is not None
    assert (found.location, found.machine, found.process) == ("lake/runs/first", machine(), "17/4")
    assert found.acquired_at.utcoffset() == timedelta(0)
    assert timedelta(0) <= datetime.now(UTC) - found.acquired_at < timedelta(seconds=20)


def test_a_pid_in_use_again_is_another_process(keeper: Keeper) -> None:
    left_by(keeper, process=f"{os.getpid()}/1")
    assert acquire(keeper) == [("first", "lake/runs/first")]


def test_another_machines_holder_lives_as_long_as_it_is_heard_of(keeper: Keeper) -> None:
    left_by(keeper, machine="elsewhere/boot", heartbeat_at=datetime.now(UTC) - timedelta(seconds=30))
    with pytest.raises(RunInProgress, match=f"process {os.getpid()} on elsewhere"):
        acquire(keeper)
    assert holder_of(keeper) == "first"


def test_another_machines_holder_lapses_within_a_minute(keeper: Keeper) -> None:
    silent = datetime.now(UTC) - timedelta(seconds=60 - 2 * lock.HEARTBEAT_S / 10)
    left_by(keeper, machine="elsewhere/boot", heartbeat_at=silent, acquired_at=silent)
    assert acquire(keeper) == [("first", "lake/runs/first")]


def test_a_holder_is_heard_of(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT_S", 0.01)

    def heard() -> datetime:
        holder = keeper.holder()
        assert holder is not None
        return holder.heartbeat_at

    with run_lock(keeper, "first", "lake/runs/first", lambda *dead: None):
        first = heard()
        assert wait_until(lambda: heard() > first, 20)


def test_the_lock_is_taken_only_after_cleaning_up(keeper: Keeper) -> None:
    """Killed while it cleans up, a run leaves the dead one's name for the next."""
    left_by(keeper, process="1/never")

    def killed(*_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), run_lock(keeper, "second", "lake/runs/second", killed):
        pytest.fail("the lock was given")
    assert holder_of(keeper) == "first"
    assert acquire(keeper, "third") == [("first", "lake/runs/first")]


def test_a_run_that_is_not_settled_leaves_its_lock_to_the_next_of_the_same_process(keeper: Keeper) -> None:
    with run_lock(keeper, "first", "lake/runs/first", lambda *dead: None), pytest.raises(RunInProgress):
        acquire(keeper)
    assert holder_of(keeper) == "first"
    assert acquire(keeper) == [("first", "lake/runs/first")]
    assert holder_of(keeper) is None


def test_what_another_holds_by_now_is_neither_refreshed_nor_freed(keeper: Keeper) -> None:
    left_by(keeper, machine="elsewhere/boot")
    before = keeper.holder()
    keeper.refresh("second")
    keeper.release("second")
    assert keeper.holder() == before


def test_a_lock_is_not_taken_from_anybody_else_than_the_dead(keeper: Keeper) -> None:
    left_by(keeper)
    first = keeper.holder()
    assert first is not None
    second = replace(first, run_id="second")
    assert not keeper.take(second, None)
    assert keeper.take(second, first)
    assert not keeper.take(replace(first, run_id="third"), first)
    assert holder_of(keeper) == "second"


def test_of_many_that_come_at_once_one_holds_the_lock(keeper: Keeper) -> None:
    """Each beside a dead run that all of them clean up after."""
    left_by(keeper, process="1/never")
    together, refused = threading.Barrier(6), threading.Event()
    holding: set[int] = set()
    beside: list[set[int]] = []

    def compete(number: int) -> None:
        together.wait()
        try:
            with run_lock(keeper, f"run {number}", "lake/runs/x", lambda *dead: None) as held:
                holding.add(number)
                refused.wait(10)  # the holder keeps it until another was refused
                beside.append(set(holding))
                holding.remove(number)
                held.settled = True
        except RunInProgress:
            refused.set()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(compete, range(6)))
    assert beside
    assert {len(holders) for holders in beside} == {1}
    assert holder_of(keeper) is None


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"run_id": 1}'])
def test_an_object_that_is_no_lock_is_said_to_be_none(home: Path, data: bytes) -> None:
    store = open_store(str(home / "lake"))
    store.put_if_absent(KEY, data)
    with pytest.raises(StoreFailure, match=r"locks/etl\.json is no lock of a run"):
        ObjectKeeper(store).holder()
