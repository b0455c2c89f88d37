"""What only a terminal sees: a progress bar on stderr, and nothing of it anywhere else."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.program import command, environment
from tests.support.small import movies


def on_a_terminal(home: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[bytes], str]:
    """Run a command whose stderr is a terminal; return it and what the terminal got."""
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            env=environment(home, TERM="xterm", COLUMNS="100"),
            stdout=subprocess.PIPE,
            stderr=theirs,
            check=False,
            timeout=60,
        )
        os.set_blocking(ours, False)
        return done, os.read(ours, 100_000).decode()
    finally:
        os.close(theirs)
        os.close(ours)


@pytest.mark.parametrize("as_json", [(), ("--json",)], ids=["for people", "json"])
def test_a_bar_on_a_terminal(tmp_path: Path, as_json: tuple[str, ...]) -> None:
    source = movies(tmp_path / "a.csv", 300)
    done, seen = on_a_terminal(tmp_path / "home", "etl", "run", str(source), *as_json)
    assert done.returncode == 0
    assert "reading" in seen
    assert "━" in seen
    assert re.search(r" 300 rows, [0-9,]+/s ", seen)
    assert b"reading" not in done.stdout
    if as_json:
        assert json.loads(done.stdout)["accepted"] == 300


def test_an_error_on_a_terminal_is_still_one_line(tmp_path: Path) -> None:
    done, seen = on_a_terminal(tmp_path / "home", "etl", "runs", "--fast")
    assert (done.returncode, done.stdout) == (2, b"")
    assert seen.splitlines() == ["app: No such option: --fast; see 'app etl runs --help'"]


def test_no_bar_elsewhere(tmp_path: Path) -> None:
    done = command(tmp_path / "home", "etl", "run", str(movies(tmp_path / "a.csv", 300)))
    assert (done.status, done.stderr) == (0, "")
