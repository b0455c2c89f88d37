"""A home with a history: two published runs, one held back, and rejects of every awkward kind."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.cli.main import main
from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.settings import Settings
from tests.support.program import Command
from tests.support.small import movie, write

#: Cells that a spreadsheet would run, and cells that CSV must quote.
FORMULA = '=HYPERLINK("http://evil","a, b")'
AWKWARD = '@SUM(1,2)\nnext "line"\r'
#: What is wrong with each record of the second delivery, by its number, and the value at fault.
WRONG = {
    2: ("invalid_id", FORMULA),
    3: ("missing_release_date", ""),
    4: ("invalid_budget", "-5"),
    5: ("invalid_release_date", AWKWARD),
    6: ("malformed_row", None),
    7: ("invalid_release_date", "+1 day"),
    8: ("invalid_release_date", "-1-1"),
}
FIRST = [movie(number) for number in (1, 2)]
SECOND = [
    movie(1, revenue="35"),
    (FORMULA, *movie(2)[1:]),
    movie(3, date=""),
    movie(4, budget="-5"),
    movie(5, date=AWKWARD),
    ("6", "two fields"),
    movie(7, date="+1 day"),
    movie(8, date="-1-1"),
    movie(9, date="2001-01-01", budget="0"),
]


@dataclass(frozen=True)
class History:
    """A home and the ids of its runs."""

    home: Path
    first: str
    second: str
    held: str


def make_history(folder: Path) -> History:
    """Publish two deliveries; a third is held back."""
    home = folder / "home"
    settings = Settings(home=home, _env_file=None)
    deliveries = {
        "first": write(folder / "first.csv", FIRST),
        "second": write(folder / "second" / "=2.csv", SECOND),
        "held": write(folder / "held.csv", [movie(1), movie(2, date="x")]),
    }
    ratio = {"second": 1.0}
    made = {
        name: run_delivery(settings, str(path), RunOptions(max_reject_ratio=ratio.get(name, 0.05))).run
        for name, path in deliveries.items()
    }
    assert [run.status for run in made.values()] == ["published", "published", "held"]
    return History(home, **{name: run.run_id for name, run in made.items()})


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """The history, for tests that only read it."""
    return make_history(tmp_path_factory.mktemp("history"))


@pytest.fixture
def own_history(tmp_path: Path) -> History:
    """A history of one's own, to change."""
    return make_history(tmp_path)


Inside = Callable[..., Command]


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Inside:
    """Run the command line in this process, away from any ``.env``: ``inside(home, *arguments)``."""
    monkeypatch.chdir(tmp_path)

    def run(home: Path, *arguments: str) -> Command:
        monkeypatch.setenv("APP_HOME", str(home))
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(list(arguments))
        captured = capfd.readouterr()
        assert isinstance(stop.value.code, int)
        return Command(stop.value.code, captured.out, captured.err)

    return run


def document(done: Command, status: int = 0) -> Any:
    """Return the one JSON document of a command that said nothing else."""
    assert (done.status, done.stderr) == (status, "")
    return json.loads(done.stdout)


def one_line(done: Command, status: int) -> str:
    """Return the one line on stderr of a command that failed."""
    assert done.status == status, done.stderr
    assert done.stderr.startswith("app: ")
    assert done.stderr.endswith("\n")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "; " in done.stderr  # what and where; what to do
    return done.stderr
