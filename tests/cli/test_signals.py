"""Ctrl-C and SIGTERM at any moment: what was published stays, and the next run is clean."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.etl.sample import write_sample
from app.settings import Settings
from tests.support.program import command, started
from tests.support.published import Published, litter, published

WITHIN_S = 30
#: A moment is known by what there is to see, given the home and the process.
Moment = Callable[[Path, int], bool]


def loading_the_program(_: Path, pid: int) -> bool:
    return "pydantic_core" in Path(f"/proc/{pid}/maps").read_text()


def reading(home: Path, _: int) -> bool:
    return any(home.glob("work/*"))


def landing(home: Path, _: int) -> bool:
    """A run folder is there and not yet whole: loading goes on beside."""
    return any(not (folder / "manifest.json").is_file() for folder in home.glob("lake/runs/*"))


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A delivery, and another that takes a while."""
    folder = tmp_path_factory.mktemp("deliveries")
    for name, rows in (("old", 4000), ("new", 8000)):
        write_sample(rows, 0, folder / f"{name}.csv")
    return folder / "old.csv", folder / "new.csv"


@pytest.fixture
def home(tmp_path: Path, deliveries: tuple[Path, Path]) -> Path:
    run_delivery(Settings(home=tmp_path, _env_file=None), str(deliveries[0]), RunOptions())
    return tmp_path


def await_moment(process: subprocess.Popen[str], moment: Moment, home: Path) -> None:
    until = time.monotonic() + WITHIN_S
    while not moment(home, process.pid):
        assert process.poll() is None, "the run ended before the moment came"
        assert time.monotonic() < until
        time.sleep(0.001)


def assert_clean_after(home: Path, before: Published, delivery: Path) -> None:
    """The old run is served, whole; the next one succeeds without help and nothing lies about."""
    assert published(home) == before
    assert run_delivery(Settings(home=home, _env_file=None), str(delivery), RunOptions()).held is None
    assert litter(home) == []
    assert published(home) != before


@pytest.mark.parametrize(
    ("moment", "times"), [(loading_the_program, 1), (reading, 1), (landing, 1), (landing, 2)]
)
def test_ctrl_c(home: Path, deliveries: tuple[Path, Path], moment: Moment, times: int) -> None:
    before = published(home)
    with started(home, "etl", "run", str(deliveries[1])) as process:
        await_moment(process, moment, home)
        for _ in range(times):
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, out) == (130, "")
    assert err == "app: interrupted; what was published stays published, run again\n"
    assert_clean_after(home, before, deliveries[1])


def test_an_interrupted_run_is_on_record(home: Path, deliveries: tuple[Path, Path]) -> None:
    with started(home, "etl", "run", str(deliveries[1])) as process:
        await_moment(process, reading, home)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=WITHIN_S)
    assert litter(home) == []
    newest = command(home, "etl", "runs").stdout.splitlines()[1]
    assert "failed" in newest
    assert "interrupted" in newest


@pytest.mark.parametrize("moment", [reading, landing])
def test_sigterm(home: Path, deliveries: tuple[Path, Path], moment: Moment) -> None:
    before = published(home)
    with started(home, "etl", "run", str(deliveries[1])) as process:
        await_moment(process, moment, home)
        process.terminate()
        out, _ = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, out) == (-signal.SIGTERM, "")
    assert_clean_after(home, before, deliveries[1])
