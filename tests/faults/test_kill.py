"""``kill -9`` at any moment of a run: readers see the old run or the new one, whole; the next run is clean.

``KILLS`` says how often, ``KILLS_DELIVERY`` which delivery is run. Every third time the run that would clean
up is killed too.
"""

import logging
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.settings import Settings
from tests.faults.conftest import Stage
from tests.support.program import command, started
from tests.support.published import litter, published, warehouse

KILLS = int(os.environ.get("KILLS", "12"))
WITHIN_S = 120
log = logging.getLogger(__name__)


def duration(stage: Stage) -> float:
    """Return the seconds that a run takes that nobody kills."""
    stage.reset()
    start = time.monotonic()
    assert command(stage.home, "etl", "run", str(stage.delivery)).status == 0
    return time.monotonic() - start


def strike(stage: Stage, after_s: float, how: signal.Signals) -> None:
    """Start a run and end it after a while."""
    with started(stage.home, "etl", "run", str(stage.delivery)) as process:
        try:
            process.wait(timeout=after_s)
        except subprocess.TimeoutExpired:
            process.send_signal(how)
            process.wait(timeout=WITHIN_S)


def reached(stage: Stage) -> str:
    """Return how far the last run came."""
    with warehouse(stage.home) as connection:
        lock = connection.execute("SELECT run_id, location FROM run_lock").fetchone()
        runs = {row["run_id"]: row["status"] for row in connection.execute("SELECT run_id, status FROM run")}
    if lock is None:
        return "lock free, old" if runs[stage.old.run_id] == "published" else "lock free, new"
    if lock["run_id"] in runs:
        return f"loaded, {runs[lock['run_id']]}"
    folder = Path(lock["location"])
    if not folder.is_dir():
        return "reading"
    return "loading" if (folder / "manifest.json").is_file() else "landing"


def assert_old_or_new(stage: Stage) -> None:
    seen = published(stage.home)
    assert seen.digest == (stage.old.digest if seen.run_id == stage.old.run_id else stage.new_digest)


def assert_the_next_run_is_clean(stage: Stage) -> None:
    run_delivery(Settings(home=stage.home, _env_file=None), str(stage.delivery), RunOptions())
    assert published(stage.home).digest == stage.new_digest
    assert litter(stage.home) == []


@pytest.mark.parametrize(
    ("how", "times"), [(signal.SIGKILL, KILLS), (signal.SIGINT, KILLS // 6)], ids=["kill", "interrupt"]
)
def test_ended_at_any_moment(stage: Stage, how: signal.Signals, times: int) -> None:
    chance = random.Random(2026)  # noqa: S311 - the same moments each time
    whole, came = duration(stage), Counter[str]()
    for number in range(times):
        stage.reset()
        for _ in range(2 if number % 3 == 0 else 1):
            strike(stage, whole * (number + chance.random()) / times, how)
            came[reached(stage)] += 1
            assert_old_or_new(stage)
        assert_the_next_run_is_clean(stage)
    log.info("%d times, a run of %.1f s: %s", times, whole, dict(came))
