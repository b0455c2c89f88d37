"""The program's own log: nothing that logs waits for whoever reads it."""

import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.ops import lines
from app.ops.program_log import Handler
from tests.api.test_serve import world_in
from tests.support.program import environment


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("test", logging.WARNING, "", 0, "%s", (text,), None)


def read(descriptor: int) -> bytes:
    return os.read(descriptor, 1_000_000)


def test_a_record_is_written_in_printable_characters(pipe: tuple[int, int]) -> None:
    handler = Handler(pipe[1])
    handler.handle(record("d\u00e9j\u00e0 \ud800"))
    handler.close()
    assert read(pipe[0]) == rb"d\xe9j\xe0 \ud800" + b"\n"


def test_what_was_lost_is_told_in_the_next_record(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "WAITING_BYTES", 3)
    monkeypatch.setattr(lines, "EVERY_S", 60)
    handler = Handler(pipe[1])
    for text in ("kept", "lost", "lost"):
        handler.handle(record(text))
    monkeypatch.setattr(lines, "WAITING_BYTES", 100)
    handler.handle(record("last"))
    handler.close()
    assert read(pipe[0]) == b"kept\n2 lines of this log were lost so far\nlast\n"


def test_a_fork_writes_its_own_and_nothing_of_its_parent(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "EVERY_S", 60)
    handler = Handler(pipe[1])
    handler.handle(record("parent"))
    pid = os.fork()
    if pid == 0:
        handler.handle(record("child"))
        handler.close()
        os._exit(0)
    os.waitpid(pid, 0)
    assert read(pipe[0]) == b"child\n"
    handler.close()
    assert read(pipe[0]) == b"parent\n"


def test_signals_are_not_for_the_thread_that_writes(pipe: tuple[int, int]) -> None:
    handler = Handler(pipe[1])
    handler.handle(record("text"))
    (writer,) = [thread for thread in threading.enumerate() if thread.name == "log"]
    status = Path(f"/proc/self/task/{writer.native_id}/status").read_text()
    blocked = int(next(line for line in status.splitlines() if line.startswith("SigBlk")).split()[1], 16)
    assert blocked >> (signal.SIGTERM - 1) & 1
    handler.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_whose_log_nobody_reads_answers_and_ends(tmp_path: Path, workers: str) -> None:
    """Its pipe is full from the beginning."""
    world_in(tmp_path)
    reader, writer = os.pipe()
    os.write(writer, bytes(fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ)))
    server = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", "0", "--json", "--workers", workers],
        env=environment(tmp_path, APP_DRAIN_DELAY="0"),
        stdout=subprocess.PIPE,
        stderr=writer,
        text=True,
    )
    os.close(writer)
    try:
        assert server.stdout is not None
        (url,) = [line.split('"')[3] for line in iter(server.stdout.readline, "}\n") if '"url"' in line]
        assert httpx.get(f"{url}/healthz", timeout=10).status_code == 200
        began = time.monotonic()
        server.terminate()
        assert server.wait(20) == 0
        assert time.monotonic() - began < 15
    finally:
        server.kill()
        server.communicate()
        os.close(reader)
