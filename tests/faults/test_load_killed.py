"""``kill -9`` between any two steps of ``app etl load``, by its own hand; then it is repeated."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.etl.reloading import load_landed
from app.settings import Settings
from tests.faults.test_kill_between import killed
from tests.support.program import environment
from tests.support.published import litter, published
from tests.support.rebuilding import Lake, catalogue, make_lake, statuses
from tests.support.small import movies

#: Loads a run and kills itself where it calls a function, or right after it has.
KILLS_ITSELF = """
import os, pkgutil, signal, sys
place, name, moment, run = sys.argv[1:]
owner = pkgutil.resolve_name(place)
original = getattr(owner, name)
def deadly(*arguments, **options):
    if moment == "after":
        original(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, name, deadly)
from app.cli.main import main
main(["etl", "load", run, "--publish"])
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return make_lake(tmp_path_factory.mktemp("lake"))


@pytest.mark.parametrize(
    ("place", "name", "moment", "left"),
    [
        ("app.etl.reloading", "check_sizes", "before", None),
        ("app.etl.reloading", "fetch", "after", None),
        ("app.etl.loading", "publish", "before", "held"),
        ("app.etl.reloading", "readmit_run", "before", None),
        ("app.warehouse.sqlite", "load_tables", "before", None),
        ("app.warehouse.sqlite", "load_tables", "after", None),
        ("app.etl.reloading", "publish_run", "before", "held"),
        ("app.warehouse.publish", "_move", "after", "held"),
        ("app.etl.reloading", "publish_run", "after", "published"),
    ],
)
def test_killed_and_repeated(
    lake: Lake, tmp_path: Path, place: str, name: str, moment: str, left: str | None
) -> None:
    destination = str(lake.first.home / "lake")
    done = subprocess.run(
        [sys.executable, "-c", KILLS_ITSELF, place, name, moment, lake.new],
        env=environment(tmp_path, APP_DESTINATION=destination),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -9, done.stderr
    assert statuses(tmp_path) == ({lake.new: left} if left else {})
    assert (lake.folder(lake.new) / "manifest.json").is_file()
    settings = Settings(home=tmp_path, destination=destination, _env_file=None)
    assert load_landed(settings, lake.new, publish=True).run.status == "published"
    assert published(tmp_path) == published(lake.first.home)
    load_landed(settings, lake.old)  # and the next one cleans up, where nothing was left to do
    assert litter(tmp_path, lake.first.home / "lake") == []


@pytest.mark.parametrize("ran_meanwhile", [False, True])
def test_a_run_killed_after_it_landed_is_loaded(tmp_path: Path, ran_meanwhile: bool) -> None:
    settings = Settings(home=tmp_path / "home", _env_file=None)
    killed(
        settings.home, movies(tmp_path / "a.csv", 6), "app.storage.local:LocalStore", "put_if_absent", "after"
    )
    [landed] = settings.home.glob("lake/runs/*")
    if ran_meanwhile:
        run_delivery(settings, str(movies(tmp_path / "b.csv", 5)), RunOptions(publish=False))
        reason = f"the run was killed before it finished; 'app etl load {landed.name}' loads what has landed"
        assert catalogue(settings.home)[0]["reason"] == reason
    assert load_landed(settings, landed.name, publish=True).run.accepted == 6
    assert published(settings.home).run_id == landed.name
    assert litter(settings.home) == []
