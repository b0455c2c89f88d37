"""``make run`` by its script: from a delivery to a served API, and a printed command that works."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEADER = "id,title,release_date,budget,revenue,popularity,genres,production_companies\n"
DELIVERY = HEADER + "\n".join(
    [
        """1,One,2001-05-01,0,0,2.5,"[{'id': 7, 'name': 'Drama'}]",[]""",
        """2,Two,2001-06-01,0,0,1.5,"[{'id': 8, 'name': 'War'}]",[]""",
        """3,Three,2002-06-01,0,0,0.5,"[{'id': 8, 'name': 'War'}]",[]""",
    ]
)

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@contextmanager
def running(home: Path, delivery: Path) -> Iterator[tuple[str, str]]:
    """Yield what the script prints until it greets, and the command it prints; Ctrl-C it at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = subprocess.Popen(
        [ROOT / "deploy" / "run.sh", Path(sys.executable).parent, delivery],
        cwd=ROOT,
        env={**os.environ, "APP_HOME": str(home), "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert script.stdout is not None
    try:
        printed = ""
        for line in script.stdout:
            printed += line
            if line.startswith("Swagger UI"):
                break
        else:
            pytest.fail(f"ended with {script.wait()}: {printed}")
        yield printed, next(line for line in printed.splitlines() if line.startswith("  curl "))
    finally:
        os.killpg(script.pid, signal.SIGINT)
        script.stdout.read()
        script.stdout.close()
        status = script.wait(timeout=30)
    assert status == 0


def paste(command: str) -> list[list[object]]:
    """Run a command as a person's shell would, and return the rows of the API's answer."""
    answer = subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True, text=True).stdout
    return [list(row.values()) for row in json.loads(answer)["data"]]


def test_serves_a_delivery_and_reuses_its_state(tmp_path: Path) -> None:
    delivery = tmp_path / "movies.csv"
    delivery.write_text(DELIVERY)
    home = tmp_path / "home"
    with running(home, delivery) as (_, command):
        assert paste(command) == [[2001, 1, "Drama", 2.5], [2002, 1, "War", 0.5]]
    client = (home / "demo-client.json").read_text()
    assert (home / "demo-client.json").stat().st_mode & 0o077 == 0, "others can read the secret"
    with running(home, delivery) as (printed, command):
        assert "nothing to do" in printed
        assert paste(command) == [[2001, 1, "Drama", 2.5], [2002, 1, "War", 0.5]]
    assert (home / "demo-client.json").read_text() == client


def test_a_failing_run_stops_before_serving(tmp_path: Path) -> None:
    script = subprocess.run(
        [ROOT / "deploy" / "run.sh", Path(sys.executable).parent, tmp_path / "nowhere.csv"],
        cwd=ROOT,
        env={**os.environ, "APP_HOME": str(tmp_path / "home")},
        check=False,
        capture_output=True,
        text=True,
    )
    assert script.returncode == 3
    assert "nowhere.csv" in script.stderr.splitlines()[-1]
