"""One process on a machine keeps a replica, whoever reads it; it lives as long as one of them does."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.serving.replica import Freshness, keeper
from app.serving.replica.keeper import Keeper
from app.settings import Settings
from tests.support.movies import LATER, MOVIES
from tests.support.replicated import Replicated, elsewhere
from tests.support.waiting import wait_until

#: A reader that only keeps, until it is killed.
READER = """
import time
from app.serving.replica import Keeper, place_of
from app.settings import load_settings
settings = load_settings()
Keeper(place_of(settings.home, settings.warehouse), settings).start()
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "TRY_EVERY_S", 0.05)


@pytest.fixture
def pair(tmp_path: Path) -> Replicated:
    made = elsewhere(tmp_path)
    made.world.add("first", MOVIES)
    made.world.add("second", LATER)
    made.publish("first")
    return made


@pytest.fixture
def settings(pair: Replicated) -> Settings:
    return Settings(home=pair.home, warehouse_url=pair.url, replica_poll=0.02, _env_file=None)


@pytest.fixture
def keepers(pair: Replicated, settings: Settings) -> Iterator[list[Keeper]]:
    """Two readers of one machine."""
    made = [Keeper(pair.place, settings) for _ in range(2)]
    for one in made:
        one.start()
    yield made
    for one in made:
        one.close()


def processes(pair: Replicated) -> list[int]:
    """Return the processes that have the lock's file open and are no test."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            names = [path.readlink() for path in (process / "fd").iterdir()]
        except OSError:  # it has ended
            continue
        if pair.place.lock in names and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


def follows(pair: Replicated) -> bool:
    """Say whether the replica has what the warehouse has."""
    return wait_until(lambda: pair.place.store.exists() and pair.held() == pair.kept(), 20)


def test_one_process_keeps_the_replica_of_two_readers(pair: Replicated, keepers: list[Keeper]) -> None:
    assert follows(pair)
    assert len(processes(pair)) == 1
    pair.publish("second")
    assert follows(pair)
    for one in keepers:
        one.close()
    assert processes(pair) == []


def test_a_process_that_is_killed_is_replaced(pair: Replicated, keepers: list[Keeper]) -> None:
    assert follows(pair)
    (first,) = processes(pair)
    os.kill(first, signal.SIGKILL)
    assert wait_until(lambda: processes(pair) not in ([], [first]), 20)
    pair.publish("second")
    assert follows(pair)
    assert len(processes(pair)) == 1


def test_where_its_reader_is_closed_another_ones_takes_over(pair: Replicated, keepers: list[Keeper]) -> None:
    assert follows(pair)
    (first,) = processes(pair)
    for one in keepers:
        if one._process is not None and one._process.poll() is None:
            one.close()
    assert wait_until(lambda: processes(pair) not in ([], [first]), 20)
    pair.publish("second")
    assert follows(pair)


def test_a_reader_that_is_killed_takes_the_process_with_it(pair: Replicated) -> None:
    environment = {"APP_HOME": str(pair.home), "APP_WAREHOUSE_URL": pair.url, "APP_REPLICA_POLL": "0.02"}
    with subprocess.Popen([sys.executable, "-c", READER], env=os.environ | environment) as reader:
        try:
            assert follows(pair)
            (kept,) = [number for number in processes(pair) if number != reader.pid]
        finally:
            reader.kill()
    assert wait_until(lambda: not Path(f"/proc/{kept}/cwd").exists(), 10)


def test_the_process_has_no_secret_among_its_arguments_and_is_nice(
    pair: Replicated, keepers: list[Keeper]
) -> None:
    assert follows(pair)
    (kept,) = processes(pair)
    assert b"elsewhere" not in Path(f"/proc/{kept}/cmdline").read_bytes()
    assert b"elsewhere" in Path(f"/proc/{kept}/environ").read_bytes()
    assert os.getpriority(os.PRIO_PROCESS, kept) > os.getpriority(os.PRIO_PROCESS, 0)


def test_a_warehouse_that_cannot_be_opened_is_told_and_tried_again(
    pair: Replicated, settings: Settings
) -> None:
    file = Path(str(pair.world.engine.url.database))
    hidden = file.with_suffix(".hidden")
    file.rename(hidden)
    file.mkdir()
    one = Keeper(pair.place, settings)
    one.start()
    assert wait_until(lambda: Freshness(pair.place, 0.02).status is not None, 20)
    status = Freshness(pair.place, 0.02).status
    assert status is not None
    assert (status.run, status.confirmed_at) == (None, None)
    assert "cannot be" in str(status.error)
    (kept,) = processes(pair)
    file.rmdir()
    hidden.rename(file)
    assert wait_until(lambda: Freshness(pair.place, 0.02).state == "current", 20)
    assert processes(pair) == [kept]
    one.close()
