"""A run that landed and was not loaded, as PostgreSQL stopped or the run was killed: it is loaded later."""

import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.errors import PrunedRun
from app.etl.reloading import load_all, load_landed
from app.etl.retention import keep_newest
from app.etl.verify import verify
from app.settings import Settings
from app.warehouse.opening import ready_warehouse
from tests.faults.postgres_runs import Station, stationed
from tests.support.postgres import PostgresServer
from tests.support.program import Command, command

STEPS = {
    "before the load": ("app.etl.pipeline", "load_run", "before"),
    "in the first COPY": ("app.warehouse.postgres", "_driver", "before"),
    "before the commit": ("app.warehouse.postgres:PostgresWarehouse", "load", "after"),
}


@pytest.fixture
def station(tmp_path: Path, postgres: PostgresServer) -> Iterator[Station]:
    yield stationed(tmp_path, postgres)
    if not postgres.runs:
        postgres.start()


def load(station: Station, *arguments: str) -> Command:
    return command(station.home, "etl", "load", *arguments, APP_WAREHOUSE_URL=station.url)


def settings(station: Station) -> Settings:
    return Settings(home=station.home, warehouse_url=SecretStr(station.url), _env_file=None)


@pytest.mark.parametrize("step", STEPS)
def test_the_server_stopped(station: Station, step: str) -> None:
    done = station.run_while(*STEPS[step], station.server.stopping())
    assert done.status == 6
    [run_id] = re.findall(r"'app etl load (\S+)' loads what has landed$", done.stderr)
    refused = load(station, run_id)
    assert (refused.status, refused.stderr.count("\n")) == (6, 1)
    assert station.server.password not in refused.stderr
    station.server.start()
    loaded = load(station, run_id, "--publish")
    assert (loaded.status, loaded.stderr, loaded.stdout) == (0, "", f"run {run_id}: published\n")
    assert (station.published(), station.litter()) == (4, [])


def test_the_run_killed(station: Station) -> None:
    manifests = f"ls {station.home}/lake/runs/*/manifest.json"
    landed = f"until [ $({manifests} | wc -l) = 2 ]; do sleep 0.05; done"
    done = station.run_while(*STEPS["before the commit"], ["sh", "-c", f"{landed}; kill -9 $PPID"])
    assert done.status == -signal.SIGKILL
    run_id = max(path.name for path in station.home.glob("lake/runs/*"))
    assert load_landed(settings(station), run_id, publish=True).run.accepted == 4
    assert (station.published(), station.litter()) == (4, [])


def test_an_empty_warehouse_is_rebuilt(station: Station) -> None:
    station.run()
    rebuilt = Station(station.home, station.server, station.server.create())
    result = load_all(settings(rebuilt), publish=True)
    assert [run.accepted for run in result.loaded] == [3, 4]
    assert (rebuilt.published(), rebuilt.litter()) == (4, [])
    for run in result.loaded:
        assert [item for item in verify(settings(rebuilt), run.run_id) if item.differences] == []


def test_a_pruned_run_comes_back(station: Station) -> None:
    station.run()
    old = min(path for path in station.home.glob("lake/runs/*"))
    kept = shutil.copytree(old, station.home / "backup" / "runs" / old.name)
    keep_newest(ready_warehouse(station.url), 1)
    with pytest.raises(PrunedRun):
        verify(settings(station), old.name)
    back = load_landed(settings(station), old.name, destination=str(station.home / "backup")).run
    assert (back.status, back.location) == ("superseded", str(kept))
    assert [item for item in verify(settings(station), old.name) if item.differences] == []
    assert station.published() == 4
