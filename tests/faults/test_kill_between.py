"""``kill -9`` between any two steps of a run, by the run's own hand."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.settings import Settings
from tests.support.program import command, environment
from tests.support.published import litter, published
from tests.support.small import movies

#: Runs a delivery and kills itself where it calls a function, or right after it has.
KILLS_ITSELF = """
import os, pkgutil, signal, sys
place, name, moment, delivery = sys.argv[1:]
owner = pkgutil.resolve_name(place)
original = getattr(owner, name)
def deadly(*arguments, **options):
    if moment == "after":
        original(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, name, deadly)
from app.cli.main import main
main(["etl", "run", delivery])
"""


def killed(home: Path, delivery: Path, place: str, name: str, moment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLS_ITSELF, place, name, moment, str(delivery)],
        env=environment(home),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -9, done.stderr


@pytest.mark.parametrize(
    ("place", "name", "moment", "is_new"),
    [
        ("app.storage.local:LocalStore", "put", "after", False),
        ("app.storage.local:LocalStore", "put_if_absent", "before", False),
        ("app.storage.local:LocalStore", "put_if_absent", "after", False),
        ("app.etl.pipeline", "_publish", "before", False),
        ("app.warehouse.publish", "_move", "after", False),
        ("app.etl.pipeline", "_publish", "after", True),
    ],
)
def test_killed_between(tmp_path: Path, place: str, name: str, moment: str, is_new: bool) -> None:
    settings = Settings(home=tmp_path / "home", _env_file=None)
    run_delivery(settings, str(movies(tmp_path / "old.csv", 5)), RunOptions())
    old = published(settings.home)
    killed(settings.home, movies(tmp_path / "new.csv", 6), place, name, moment)
    assert (published(settings.home) != old) == is_new
    assert litter(settings.home) != []
    run_delivery(settings, str(tmp_path / "new.csv"), RunOptions())
    assert litter(settings.home) == []
    assert published(settings.home).digest != old.digest


def test_killed_while_it_cleans_up_after_the_killed(tmp_path: Path) -> None:
    home, delivery = tmp_path / "home", movies(tmp_path / "new.csv", 6)
    killed(home, delivery, "app.storage.local:LocalStore", "put", "after")
    torn = set(home.glob("lake/runs/*"))
    killed(home, delivery, "app.etl.record", "landed_or_deleted", "before")
    assert set(home.glob("lake/runs/*")) == torn
    assert command(home, "etl", "run", str(delivery)).status == 0
    assert litter(home) == []
    [published_run] = home.glob("lake/runs/*")
    assert published(home).run_id == published_run.name
