"""The end of a server: readiness fails first, and no request is lost."""

import asyncio
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from app.server.limits import Limits
from app.server.run import serve_alone
from tests.server.load import Load
from tests.server.test_time import quick
from tests.support.hand_made import HandMade
from tests.support.server import Server, serving
from tests.support.waiting import wait_until
from tests.support.wire import HOST, Wire, request, running


def port_of(server: Server) -> int:
    return int(server.url.rpartition(":")[2])


def test_readiness_fails_while_requests_are_served(application: FastAPI) -> None:
    with (
        running(application, Limits(drain_delay_s=1.5, last_call_s=0.1)) as (server, port),
        Wire(port) as wire,
    ):
        assert wire.get("/readyz").status == 200
        server.handle_exit(signal.SIGTERM, None)
        assert wait_until(lambda: wire.get("/readyz").status == 503)
        draining = wire.get("/readyz")
        assert draining.problem["title"] == "Draining"
        assert int(draining.headers["retry-after"]) > 0
        with Wire(port) as new:
            assert new.get().status == 200
        assert "connection" not in wire.get().headers


def test_a_signal_that_comes_early_counts(application: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the first line that the program prints and the moment when uvicorn listens to signals."""

    class Early(uvicorn.Config):
        def get_loop_factory(self) -> Any:
            os.kill(os.getpid(), signal.SIGTERM)
            return super().get_loop_factory()

    monkeypatch.setattr(uvicorn, "Config", Early)
    monkeypatch.setattr(sys, "setswitchinterval", lambda _: None)
    before = signal.getsignal(signal.SIGTERM)
    again = threading.Timer(5, os.kill, (os.getpid(), signal.SIGTERM))
    again.start()
    try:
        serve_alone(application, socket.create_server((HOST, 0)), Limits(drain_delay_s=0, last_call_s=0.1))
        assert again.is_alive()
    finally:
        again.cancel()
        signal.signal(signal.SIGTERM, before)


def test_ctrl_c_does_not_wait_for_balancers(application: FastAPI) -> None:
    with running(application, Limits(drain_delay_s=60, last_call_s=0.1)) as (server, _):
        server.handle_exit(signal.SIGINT, None)


def test_a_second_signal_ends_it_now() -> None:
    with running(HandMade(), Limits(drain_delay_s=0)) as (server, port), Wire(port) as wire:
        assert wire.send(request("/endless")).takes(1000)
        server.handle_exit(signal.SIGTERM, None)
        server.handle_exit(signal.SIGTERM, None)


def test_answers_under_way_end_and_say_that_they_are_the_last() -> None:
    made = HandMade()
    with running(made, quick()) as (server, port), Wire(port) as wire:
        wire.send(request("/wait") + request("/second") + request("/third"))
        assert made.waiting.acquire(timeout=5)
        server.handle_exit(signal.SIGTERM, None)
        assert wait_until(lambda: server.traffic.draining_since is not None)
        made.go.set()
        answers = [wire.answer() for _ in range(3)]
        assert [answer.body for answer in answers] == [b"done"] * 3
        assert [answer.headers.get("connection") for answer in answers] == [None, None, "close"]
        assert wire.at_end()


def test_an_answer_that_had_begun_does_not_end_its_connection() -> None:
    """Its head is under way and did not say that it is the last: the client asks again at once."""
    made = HandMade()
    limits = Limits(drain_delay_s=0, sweep_ticks=1, last_call_s=2)
    with running(made, limits) as (server, port), Wire(port) as wire:
        wire.send(request("/wait"))
        assert made.waiting.acquire(timeout=5)
        server.handle_exit(signal.SIGTERM, None)
        assert wait_until(lambda: server.traffic.draining_since is not None)
        made.go.set()
        assert wire.answer().headers.get("connection") is None
        assert wire.get().headers["connection"] == "close"
        assert wire.at_end()


def test_a_request_that_crosses_the_wire_is_answered(application: FastAPI) -> None:
    limits = Limits(drain_delay_s=0, sweep_ticks=1, last_call_s=2)
    with running(application, limits) as (server, port), Wire(port) as wire:
        assert wire.get().status == 200
        server.handle_exit(signal.SIGTERM, None)
        assert wait_until(lambda: server.traffic.draining_since is not None)
        answer = wire.get()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert wire.at_end()


def test_what_does_not_end_is_cut_off_after_the_grace_period() -> None:
    with running(HandMade(), quick(grace_s=0.5)) as (server, port), Wire(port) as wire:
        assert wire.send(request("/endless")).takes(1000)
        started = time.monotonic()
        server.handle_exit(signal.SIGTERM, None)
        assert wait_until(lambda: not server.traffic.connections)
        assert time.monotonic() - started >= 0.5


@pytest.mark.parametrize("workers", ["1", "2"])
def test_connections_in_the_queue_are_served(tmp_path: Path, workers: str) -> None:
    """While the program is stopped the kernel goes on connecting; told to end, it serves them all."""
    with serving(tmp_path, "--workers", workers) as server:
        pids = [server.process.pid, *children(server.process.pid)]
        stop(pids)
        wires = [Wire(port_of(server)).send(request()) for _ in range(50)]
        server.process.send_signal(signal.SIGTERM)
        resume(pids)
        assert [wire.answer().status for wire in wires] == [200] * 50
        for wire in wires:
            wire.__exit__()
        assert server.process.wait(timeout=20) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_request_is_lost_under_load(tmp_path: Path, workers: str) -> None:
    with serving(tmp_path, "--workers", workers, APP_DRAIN_DELAY="0.2", APP_ACCESS_LOG="off") as server:
        load = Load(port_of(server), "/healthz")
        threading.Timer(0.7, server.process.terminate).start()
        asyncio.run(load.run(keep_alive=24, new=12, pipelined=4))
        assert load.lost == []
        assert load.answered.keys() == {200}
        assert load.answered.total() > 500
        assert server.process.wait(timeout=20) == 0


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def stop(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    assert wait_until(lambda: all(state(pid) == "T" for pid in pids))


def state(pid: int) -> str:
    """Return the letter that the kernel has for a process' state."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def resume(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


def test_a_new_connection_is_refused_in_the_end(application: FastAPI) -> None:
    with running(application, quick()) as (_, port):
        pass
    with socket.socket() as late:
        assert late.connect_ex((HOST, port)) != 0
