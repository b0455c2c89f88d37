"""PostgreSQL stopped, or the run killed, at every step of a run; and two runs at once from two machines."""

import re
import shlex
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from app.database import transaction
from app.marts.catalog import run_lock_table
from app.warehouse import runs
from tests.faults.postgres_runs import Station, stationed
from tests.support.postgres import PostgresServer

#: Where a run is when something happens, and whether what it did is published by then.
STEPS = {
    "before the lock": ("app.etl.pipeline", "run_lock", "before", False),
    "reading": ("app.etl.pipeline", "_extract", "before", False),
    "before the load": ("app.etl.pipeline", "load_run", "before", False),
    "in the first COPY": ("app.warehouse.postgres", "_driver", "before", False),
    "in the last COPY": ("app.warehouse.parquet", "check_arrived", "before", False),
    "before the commit": ("app.warehouse.postgres:PostgresWarehouse", "load", "after", False),
    "before publishing": ("app.etl.pipeline", "_publish", "before", False),
    "in publishing": ("app.warehouse.publish", "_move", "after", False),
    "published": ("app.etl.pipeline", "_publish", "after", True),
}


@pytest.fixture
def station(tmp_path: Path, postgres: PostgresServer) -> Iterator[Station]:
    yield stationed(tmp_path, postgres)
    if not postgres.runs:
        postgres.start()


def assert_the_next_run_is_clean(station: Station) -> None:
    station.run()
    assert station.published() == 4
    assert station.litter() == []


@pytest.mark.parametrize("step", STEPS)
def test_the_server_stopped_at_any_step(station: Station, step: str) -> None:
    place, name, moment, is_new = STEPS[step]
    done = station.run_while(place, name, moment, station.server.stopping())
    station.server.start()
    if is_new:  # its lock stays behind, and is found to be that of a dead process
        assert (done.status, done.stderr) == (0, "")
    else:
        assert (done.status, done.stdout, done.stderr.count("\n")) == (6, "", 1), done.stderr
        assert re.search("(then|and) run again|run again$|then try again$", done.stderr)
        assert station.server.password not in done.stderr
    assert station.published() == (4 if is_new else 3)
    assert_the_next_run_is_clean(station)


@pytest.mark.parametrize("step", STEPS)
def test_the_run_killed_at_any_step(station: Station, step: str) -> None:
    place, name, moment, is_new = STEPS[step]
    done = station.run_while(place, name, moment, ["sh", "-c", "kill -9 $PPID"])
    assert done.status == -signal.SIGKILL, done.stderr
    assert station.published() == (4 if is_new else 3)
    assert_the_next_run_is_clean(station)


#: A run as another machine would do it.
ELSEWHERE = """
import sys
from app.warehouse import lock
lock.machine = lambda: "elsewhere/boot"
from app.cli.main import main
main(["etl", "run", sys.argv[1]])
"""


def test_of_two_machines_that_run_at_once_one_wins(station: Station, tmp_path: Path) -> None:
    """The second comes while the first loads, with a home and a lake of its own."""
    other, said = tmp_path / "other", tmp_path / "said"
    second = shlex.join([sys.executable, "-c", ELSEWHERE, str(station.delivery)])
    beside = (
        f"APP_HOME={shlex.quote(str(other))} {second} >{shlex.quote(str(said))} 2>&1 || echo exit $? >>{said}"
    )
    first = station.run_while("app.etl.pipeline", "load_run", "before", ["sh", "-c", beside])
    assert (first.status, first.stderr) == (0, "")
    line, status = said.read_text().splitlines()
    assert re.match(
        r"app: run \S+ is in progress since 2\S+ \(process \d+ on .*\); wait for it to end$", line
    )
    assert status == "exit 5"
    assert list(other.glob("lake/runs/*")) == []
    assert station.published() == 4
    assert station.litter() == []


def test_a_machine_that_is_not_heard_of_any_more_blocks_nobody(station: Station) -> None:
    theirs = {"name": "etl", "run_id": "theirs", "location": "/nowhere/runs/theirs"}
    process = {"machine": "elsewhere/boot", "process": "7/1"}
    silent = datetime.now(UTC) - timedelta(seconds=50)
    with transaction(station.engine) as connection:
        row = {**theirs, **process, "acquired_at": silent, "heartbeat_at": silent}
        connection.execute(insert(run_lock_table).values(row))
    assert_the_next_run_is_clean(station)
    with station.engine.connect() as connection:
        assert runs.find(connection, "theirs").status == "failed"
