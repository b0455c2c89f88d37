"""One run at a time per warehouse: who is refused, who is taken for dead, and who cleans up."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from app.database import transaction
from app.errors import RunInProgress, StoreFailure
from app.etl import engines, pipeline
from app.etl.options import RunOptions
from app.marts.catalog import run_lock_table, run_table
from app.settings import Settings
from app.warehouse import lock
from app.warehouse.lock import run_lock
from app.warehouse.process import machine, process
from tests.support.program import command, environment
from tests.support.small import movies

#: Holds the lock, and where asked to the database's write lock too, until stdin closes.
HOLD = """
import sys
import threading
from app.database import open_engine, transaction
from app.settings import load_settings
from app.warehouse.lock import run_lock
engine = open_engine(load_settings().warehouse)
with run_lock(engine, "first", "nowhere/runs/first", lambda *dead: None) as lock:
    if sys.argv[1] == "loading":
        with transaction(engine):
            print("held", flush=True)
            sys.stdin.read()
    else:
        print("held", flush=True)
        sys.stdin.read()
    lock.settled = True
"""


@contextmanager
def holder(home: Path, url: str, phase: str = "reading") -> Iterator[subprocess.Popen[str]]:
    """Run another process that holds the lock."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, phase],
        env=environment(home, APP_WAREHOUSE_URL=url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        try:
            yield child
        finally:
            child.kill()


def acquire(engine: Engine, run_id: str = "second") -> list[tuple[str, str]]:
    """Take the lock and give it back; return the dead runs that were cleaned up after."""
    dead: list[tuple[str, str]] = []
    with run_lock(engine, run_id, f"lake/runs/{run_id}", lambda *run: dead.append(run)) as held:
        held.settled = True
    return dead


def left_by(engine: Engine, **values: Any) -> None:
    """Leave a lock as another process would have."""
    now = datetime.now(UTC)
    row = {
        "name": "etl",
        "run_id": "first",
        "location": "lake/runs/first",
        "machine": machine(),
        "process": process(),
        "acquired_at": now,
        "heartbeat_at": now,
    }
    with transaction(engine) as connection:
        connection.execute(insert(run_lock_table).values(row | values))


def holder_of(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return connection.execute(select(run_lock_table.c.run_id)).scalar_one_or_none()


@pytest.mark.parametrize("phase", ["reading", "loading"])
def test_a_second_run_is_refused_at_once_while_the_first_lives(
    engine: Engine, url: str, home: Path, tmp_path: Path, phase: str
) -> None:
    source = movies(tmp_path / "a.csv", 3)
    with holder(home, url, phase) as first:
        start = time.monotonic()
        refused = command(home, "etl", "run", str(source), APP_WAREHOUSE_URL=url)
        assert time.monotonic() - start < lock.LAPSE.total_seconds() / 2
    assert (refused.status, refused.stdout, refused.stderr.count("\n")) == (5, "", 1)
    assert "run first is in progress since 2" in refused.stderr
    assert f"process {first.pid} on" in refused.stderr
    assert "wait for it to end" in refused.stderr


def test_a_killed_run_frees_the_lock_and_is_kept_as_failed(
    engine: Engine, url: str, home: Path, tmp_path: Path
) -> None:
    with holder(home, url) as first:
        first.kill()
        first.wait(timeout=10)
        assert holder_of(engine) == "first"
        done = command(home, "etl", "run", str(movies(tmp_path / "a.csv", 3)), APP_WAREHOUSE_URL=url)
    assert (done.status, done.stderr) == (0, "")
    assert holder_of(engine) is None
    with engine.connect() as connection:
        found = connection.execute(select(run_table).where(run_table.c.run_id == "first")).one()
    assert (found.status, found.reason) == ("failed", "the run was killed before it finished")


def test_a_pid_in_use_again_is_another_process(engine: Engine) -> None:
    left_by(engine, process=f"{os.getpid()}/1")
    assert acquire(engine) == [("first", "lake/runs/first")]


def test_another_machines_holder_lives_as_long_as_it_is_heard_of(engine: Engine) -> None:
    left_by(engine, machine="elsewhere/boot", heartbeat_at=datetime.now(UTC) - timedelta(seconds=30))
    with pytest.raises(RunInProgress, match=f"process {os.getpid()} on elsewhere"):
        acquire(engine)
    assert holder_of(engine) == "first"


def test_another_machines_holder_lapses_within_a_minute(engine: Engine) -> None:
    silent = datetime.now(UTC) - timedelta(seconds=60 - 2 * lock.HEARTBEAT_S / 10)
    left_by(engine, machine="elsewhere/boot", heartbeat_at=silent, acquired_at=silent)
    assert acquire(engine) == [("first", "lake/runs/first")]


def test_a_holder_is_heard_of(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT_S", 0.01)
    heard = select(run_lock_table.c.heartbeat_at)
    with run_lock(engine, "first", "lake/runs/first", lambda *dead: None):
        with engine.connect() as connection:
            first = connection.execute(heard).scalar_one()
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with engine.connect() as connection:
                if connection.execute(heard).scalar_one() > first:
                    return
    pytest.fail("no heartbeat")


def test_the_lock_is_taken_only_after_cleaning_up(engine: Engine) -> None:
    """Killed while it cleans up, a run leaves the dead one's name for the next."""
    left_by(engine, process="1/never")

    def killed(*_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), run_lock(engine, "second", "lake/runs/second", killed):
        pytest.fail("the lock was given")
    assert holder_of(engine) == "first"
    assert acquire(engine, "third") == [("first", "lake/runs/first")]


def test_a_run_that_is_not_settled_leaves_its_lock_to_the_next_of_the_same_process(engine: Engine) -> None:
    with run_lock(engine, "first", "lake/runs/first", lambda *dead: None), pytest.raises(RunInProgress):
        acquire(engine)
    assert holder_of(engine) == "first"
    assert acquire(engine) == [("first", "lake/runs/first")]
    assert holder_of(engine) is None


def steal(engine: Engine) -> None:
    """Be another machine that took the holder for dead."""
    with transaction(engine) as connection:
        connection.execute(update(run_lock_table).values(run_id="thief", machine="elsewhere"))


def assert_nothing_was_published(engine: Engine, source: Path, settings: Settings) -> None:
    with pytest.raises(StoreFailure, match="lost its lock"):
        pipeline.run_delivery(settings, str(source), RunOptions())
    assert holder_of(engine) == "thief"
    with engine.connect() as connection:
        assert [row.status for row in connection.execute(select(run_table))] in (["held"], ["failed"])


def test_a_holder_that_lost_the_lock_before_loading_publishes_nothing(
    engine: Engine, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = engines.open_engine

    def stolen_meanwhile(name: str) -> object:
        steal(engine)
        return original(name)

    monkeypatch.setattr(engines, "open_engine", stolen_meanwhile)
    assert_nothing_was_published(engine, movies(tmp_path / "a.csv", 3), settings)
    assert list(settings.home.glob("work/*")) == []
    assert list(settings.home.glob("lake/runs/*")) == []


def test_a_holder_that_lost_the_lock_before_publishing_publishes_nothing(
    engine: Engine, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = pipeline._publish

    def stolen_meanwhile(*arguments: Any) -> object:
        steal(engine)
        return original(*arguments)

    monkeypatch.setattr(pipeline, "_publish", stolen_meanwhile)
    assert_nothing_was_published(engine, movies(tmp_path / "a.csv", 3), settings)


def test_of_many_that_come_at_once_one_holds_the_lock(engine: Engine) -> None:
    """Each with a connection of its own, beside a dead run that all of them clean up after."""
    left_by(engine, process="1/never")
    together, refused = threading.Barrier(6), threading.Event()
    holding: set[int] = set()
    beside: list[set[int]] = []

    def compete(number: int) -> None:
        together.wait()
        try:
            with run_lock(engine, f"run {number}", "lake/runs/x", lambda *dead: None) as held:
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
    assert holder_of(engine) is None
