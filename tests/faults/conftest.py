"""A published run, and a delivery that would replace it: the stage on which things go wrong."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.program import command
from tests.support.published import Published, published


@dataclass(frozen=True)
class Stage:
    """A home as it was before the fault, the delivery to run, and the check sum of its marts."""

    home: Path
    pristine: Path
    delivery: Path
    old: Published
    new_digest: str

    def reset(self) -> None:
        """Forget everything since the first run was published."""
        shutil.rmtree(self.home)
        shutil.copytree(self.pristine, self.home)


def sample(path: Path, rows: int) -> Path:
    """Write a synthetic delivery."""
    made = command(path.parent, "etl", "sample", "--rows", str(rows), "--seed", str(rows), "--out", str(path))
    assert made.status == 0, made.stderr
    return path


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """The stage; ``KILLS_DELIVERY`` names another delivery to run than a sample."""
    folder = tmp_path_factory.mktemp("faults")
    home, pristine = folder / "home", folder / "pristine"
    named = os.environ.get("KILLS_DELIVERY")
    delivery = Path(named).absolute() if named else sample(folder / "new.csv", 8000)
    first = command(home, "etl", "run", str(sample(folder / "old.csv", 5000)))
    shutil.copytree(home, pristine)
    old = published(home)
    second = command(home, "etl", "run", str(delivery))
    assert [(done.status, done.stderr) for done in (first, second)] == [(0, ""), (0, "")]
    made = Stage(home, pristine, delivery, old, published(home).digest)
    assert made.new_digest != old.digest
    return made
