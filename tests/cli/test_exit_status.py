"""Every exit status of the contract, each with one line that says what, where and what to do."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.cli import config
from tests.cli.conftest import SECOND, Inside, one_line
from tests.support.program import Command, command, environment
from tests.support.small import HEADER, movie, movies, write

Place = Callable[[Path], tuple[str, ...]]


def unreadable(folder: Path) -> tuple[str, ...]:
    return ("etl", "run", str(folder / "none.csv"))


def missing_columns(folder: Path) -> tuple[str, ...]:
    return ("etl", "run", str(write(folder / "a.csv", [movie(1)[2:]], HEADER[2:])))


def held(folder: Path) -> tuple[str, ...]:
    return ("etl", "run", str(write(folder / "a.csv", SECOND)))


def home_is_a_file(folder: Path) -> tuple[str, ...]:
    (folder / "home").write_text("")
    return ("etl", "runs")


def no_database(folder: Path) -> tuple[str, ...]:
    (folder / "home").mkdir()
    (folder / "home" / "warehouse.sqlite").write_text("certainly no database, and long enough to be one" * 50)
    return ("etl", "runs")


def no_work_folder(folder: Path) -> tuple[str, ...]:
    (folder / "home").mkdir()
    (folder / "home" / "work").write_text("")
    return ("etl", "run", str(movies(folder / "a.csv", 3)))


def always(*arguments: str) -> Place:
    return lambda folder: arguments


@pytest.mark.parametrize(
    ("place", "status", "said"),
    [
        (always(), 2, ("app needs a command", "see 'app --help'")),
        (always("etl"), 2, ("app etl needs a command", "see 'app etl --help'")),
        (always("extract"), 2, ("'extract'", "see 'app --help'")),
        (always("etl", "run"), 2, ("Missing argument", "see 'app etl run --help'")),
        (always("etl", "runs", "--fast"), 2, ("--fast", "see 'app etl runs --help'")),
        (always("db", "downgrade", "warehous"), 2, ("'warehous'", "did you mean 'warehouse'?")),
        (always("db", "downgrade", "warehouse", "--revision", "x"), 2, ("'x'", "see 'app db current'")),
        (unreadable, 3, ("none.csv: No such file", "check the path")),
        (missing_columns, 3, ("a.csv", "missing columns id, title", "the header has")),
        (held, 4, ("is held back: 7 of 9 rows", "lists the rejects")),
        (home_is_a_file, 6, ("home", "check APP_HOME")),
        (no_database, 6, ("warehouse database", "not a database", "check its URL")),
        (no_work_folder, 6, ("home/work", "check APP_HOME")),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_one_line_and_the_status(
    tmp_path: Path, inside: Inside, place: Place, status: int, said: tuple[str, ...]
) -> None:
    line = one_line(inside(tmp_path / "home", *place(tmp_path)), status)
    for part in said:
        assert part in line


@pytest.mark.parametrize(
    ("place", "status"), [(always("etl"), 2), (unreadable, 3), (held, 4), (no_database, 6)]
)
def test_a_process_of_its_own_ends_so_too(tmp_path: Path, inside: Inside, place: Place, status: int) -> None:
    arguments = place(tmp_path)
    alone = one_line(command(tmp_path / "home", *arguments), status)
    again = one_line(inside(tmp_path / "home", *arguments), status)
    assert alone == again or status == 4  # a run held back has an id of its own


def test_debug_adds_the_traceback_before_the_line(tmp_path: Path, inside: Inside) -> None:
    arguments = unreadable(tmp_path)
    plain = inside(tmp_path, *arguments)
    for debug in (("--debug", *arguments), (*arguments, "--debug")):
        done = inside(tmp_path, *debug)
        assert done.status == plain.status == 3
        assert done.stderr.startswith("Traceback (most recent call last):")
        assert done.stderr.endswith("\n" + plain.stderr)


def test_the_unexpected_is_status_1(tmp_path: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr(config, "load_settings", broken)
    line = one_line(inside(tmp_path, "config", "show"), 1)
    assert line == "app: unexpected ZeroDivisionError: two lines; run again with --debug\n"
    assert "Traceback" in inside(tmp_path, "config", "show", "--debug").stderr


def test_a_result_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    """A full disk behind ``>`` is told, not swallowed."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with full.open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-m", "app", "config", "show"],
            env=environment(tmp_path),
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert "No space left on device" in one_line(Command(done.returncode, "", done.stderr), 6)


def test_a_warehouse_that_is_locked_is_a_failure(
    tmp_path: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.sqlite.BUSY_TIMEOUT_S", 0.05)
    source = str(movies(tmp_path / "a.csv", 3))
    assert inside(tmp_path, "etl", "run", source).status == 0
    with closing(sqlite3.connect(tmp_path / "warehouse.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        line = one_line(inside(tmp_path, "etl", "run", source, "--force"), 6)
        assert "database is locked; check the disk and the store" in line
        assert inside(tmp_path, "etl", "report").status == 0  # readers do not wait
