"""The rules of ``tests/conftest.py`` hold: CI fails on a silent skip, and no test leaves this machine."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
SKIPS = """
import pytest

def test_silent():
    pytest.skip("no reason that counts")

@pytest.mark.may_skip("needs what CI has not")
def test_allowed():
    pytest.skip("allowed")
"""


def summary(folder: Path, ci: str) -> str:
    """Return the last line of pytest over a folder under the rules."""
    shutil.copy(CONFTEST, folder)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", folder, folder],
        env={**os.environ, "CI": ci},
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(("ci", "expected"), [("true", "1 failed, 1 skipped"), ("", "2 skipped")])
def test_only_ci_fails_on_a_silent_skip(tmp_path: Path, ci: str, expected: str) -> None:
    (tmp_path / "test_skips.py").write_text(SKIPS)
    assert expected in summary(tmp_path, ci)


def test_ci_fails_on_a_module_that_skips_itself(tmp_path: Path) -> None:
    (tmp_path / "test_module.py").write_text("import pytest; pytest.importorskip('no_such_package')")
    assert "1 error" in summary(tmp_path, "true")


def test_no_test_calls_another_machine() -> None:
    with socket.socket() as caller, pytest.raises(ConnectionRefusedError, match="stay on this machine"):
        caller.connect(("192.0.2.1", 80))


def test_a_test_may_call_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
