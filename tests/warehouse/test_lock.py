"""One run at a time per warehouse, as runs see it: who is refused, who failed, who publishes nothing."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from app.database import transaction
from app.errors import StoreFailure
from app.etl import engines, pipeline
from app.etl.options import RunOptions
from app.marts.catalog import run_lock_table, run_table
from app.settings import Settings
from app.warehouse import lock
from tests.support.program import command, environment
from tests.support.small import movies
from tests.support.warehouses import ROW_LOCKED

#: Holds the lock, and where asked to the database's write lock too, until stdin closes.
HOLD = """
import sys
import threading
from app.database import open_engine, transaction
from app.settings import load_settings
from app.warehouse.keepers import RowKeeper
from app.warehouse.lock import run_lock
engine = open_engine(load_settings().warehouse)
with run_lock(RowKeeper(engine), "first", "nowhere/runs/first", lambda *dead: None) as lock:
    if sys.argv[1] == "loading":
        with transaction(engine):
            print("held", flush=True)
            sys.stdin.read()
    else:
        print("held", flush=True)
        sys.stdin.read()
    lock.settled = True
"""


@pytest.fixture(params=ROW_LOCKED)
def implementation(request: pytest.FixtureRequest) -> str:
    """The name of a warehouse that keeps the lock."""
    return str(request.param)


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
