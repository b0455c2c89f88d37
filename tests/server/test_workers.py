"""``app serve --workers N`` behaves as one."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.api.conftest import FIRST, SECOND
from tests.api.test_serve import world_in
from tests.server.test_drain import children, port_of
from tests.support.program import command
from tests.support.server import credentials, serving, token
from tests.support.waiting import wait_until
from tests.support.wire import Wire

PATH = "/v1/aggregates/years"
#: Programs that become ours: one with a child already, one that cannot fork for the third time.
WITH_A_CHILD = """
import os, subprocess, sys
subprocess.Popen(["sleep", sys.argv.pop()])
os.execv(sys.executable, [sys.executable, "-m", "app", *sys.argv[1:]])
"""
FORKS_BADLY = """
import itertools, os
import pytest

from app.cli.main import main
fork, calls = os.fork, itertools.count(1)
def flaky():
    if next(calls) == 3:
        raise BlockingIOError("Resource temporarily unavailable")
    return fork()
os.fork = flaky
main()
"""
#: Enough connections for both workers to have answered some.
MANY = 30
#: A worker's listener, its line to its parent and the event loop's pair.
OWN_SOCKETS = 4


def bearer(value: str) -> str:
    return f"Authorization: Bearer {value}"


def seen(port: int, path: str, *headers: str) -> set[tuple[int, str | None]]:
    """Ask over many connections, all open at once, and return the statuses and runs of the answers."""
    wires = [Wire(port) for _ in range(MANY)]
    answers = [wire.get(path, *headers) for wire in wires]
    for wire in wires:
        wire.__exit__()
    return {(answer.status, answer.headers.get("run-id")) for answer in answers}


def workers_asked(port: int, pids: list[int]) -> set[int]:
    """Return the workers that have a connection."""
    found = set()
    wires = [Wire(port) for _ in range(MANY)]
    for wire in wires:
        wire.get()
    for pid in pids:
        links = [link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir()]
        if sum(name.startswith("socket:") for name in links) > OWN_SOCKETS:
            found.add(pid)
    for wire in wires:
        wire.__exit__()
    return found


def test_a_publish_and_a_revocation_reach_every_worker_within_a_second(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    client_id, secret = credentials(tmp_path)
    with serving(tmp_path, "--workers", "2") as server:
        port = port_of(server)
        assert workers_asked(port, children(server.process.pid)) == set(children(server.process.pid))
        value = token(server.url, (client_id, secret))
        assert seen(port, PATH, bearer(value)) == {(200, FIRST)}
        world.publish(SECOND)
        time.sleep(1)
        assert seen(port, PATH, bearer(value)) == {(200, SECOND)}
        assert command(tmp_path, "clients", "revoke", client_id).status == 0
        time.sleep(1)
        assert {status for status, _ in seen(port, PATH, bearer(value))} == {401}


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as server:
        before = children(server.process.pid)
        assert len(before) == 2
        os.kill(before[0], signal.SIGKILL)
        assert wait_until(lambda: len(set(children(server.process.pid)) - set(before)) == 1)
        assert before[1] in children(server.process.pid)
        assert wait_until(lambda: len(workers_asked(port_of(server), children(server.process.pid))) == 2)
        assert server.terminate() == 0


def test_a_worker_told_to_end_is_replaced_and_the_others_go_on(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as server:
        before = children(server.process.pid)
        os.kill(before[0], signal.SIGTERM)
        assert wait_until(lambda: len(set(children(server.process.pid)) - set(before)) == 1)
        assert {status for status, _ in seen(port_of(server), "/healthz")} == {200}


@pytest.mark.parametrize("seconds", ["0", "600"], ids=["before there are workers", "later"])
def test_a_child_that_is_no_worker_may_end(tmp_path: Path, seconds: str) -> None:
    with serving(tmp_path, "--workers", "2", seconds, program=("-c", WITH_A_CHILD)) as server:
        for child in children(server.process.pid):
            if Path(f"/proc/{child}/comm").read_text() == "sleep\n":
                os.kill(child, signal.SIGKILL)
        assert wait_until(lambda: len(children(server.process.pid)) == 2)
        assert {status for status, _ in seen(port_of(server), "/healthz")} == {200}
        assert server.terminate() == 0


def test_the_others_go_on_while_a_worker_cannot_be_started(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2", program=("-c", FORKS_BADLY)) as server:
        before = children(server.process.pid)
        os.kill(before[0], signal.SIGKILL)
        assert wait_until(lambda: len(set(children(server.process.pid)) - set(before)) == 1)
        assert before[1] in children(server.process.pid)
        assert "a worker cannot be started" in (tmp_path / "serve.log").read_text()
        assert server.terminate() == 0


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as server:
        workers = children(server.process.pid)
        server.process.kill()
        server.process.wait()
        assert wait_until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in workers))


def test_ctrl_c_ends_all_of_them(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as server:
        workers = children(server.process.pid)
        assert server.terminate(signal.SIGINT) == 130
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_nothing_is_left_in_shared_memory(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as server:
        environment = Path(f"/proc/{children(server.process.pid)[0]}/maps").read_text()
        folders = {line.split()[-1] for line in environment.splitlines() if "movie-marts-" in line}
        assert server.terminate() == 0
    assert not any(Path(folder).exists() for folder in folders)
