"""Clients that are slow: to send, to read, or to come back."""

import socket
import time
from dataclasses import replace

import pytest
from fastapi import FastAPI

from app.server.limits import Limits
from tests.server.test_refusals import assert_refused
from tests.support.hand_made import HandMade
from tests.support.waiting import wait_until
from tests.support.wire import Wire, request, running

SHORT = 0.4
FORM = request("/oauth/token", "Content-Length: 100", method="POST")


def quick(**limits: float) -> Limits:
    """Return limits of a server that looks after deadlines every 0.1 s and ends at once."""
    return replace(Limits(drain_delay_s=0, sweep_ticks=1, last_call_s=0.1), **limits)  # type: ignore[arg-type] # some are int


def drip(wire: Wire, data: bytes) -> float:
    """Send a byte every 20 ms until the server answers; return the seconds that took."""
    started = time.monotonic()
    wire.socket.setblocking(False)
    for position in range(len(data)):
        wire.send(data[position : position + 1])
        time.sleep(0.02)
        if _has_answered(wire):
            break
    wire.socket.settimeout(5)
    return time.monotonic() - started


def _has_answered(wire: Wire) -> bool:
    try:
        return bool(wire.socket.recv(1, socket.MSG_PEEK)) or True
    except BlockingIOError:
        return False


def test_a_head_that_takes_too_long_is_408(application: FastAPI) -> None:
    with running(application, quick(head_s=SHORT)) as (_, port), Wire(port) as wire:
        assert SHORT <= drip(wire, request("/healthz", "X: " + "a" * 1000)) < 3
        assert_refused(wire.answer(), 408)
        assert wire.at_end()


def test_a_second_head_that_takes_too_long_is_408(application: FastAPI) -> None:
    with running(application, quick(head_s=SHORT)) as (_, port), Wire(port) as wire:
        assert wire.get().status == 200
        drip(wire, request("/healthz", "X: " + "a" * 1000))
        assert_refused(wire.answer(), 408)


def test_blank_lines_do_not_keep_a_connection(application: FastAPI) -> None:
    with running(application, quick(head_s=SHORT)) as (_, port), Wire(port) as wire:
        assert drip(wire, b"\r\n" * 500) < 3
        assert wire.at_end()


def test_a_body_that_takes_too_long_is_408(application: FastAPI) -> None:
    with running(application, quick(request_s=SHORT)) as (_, port), Wire(port) as wire:
        drip(wire.send(FORM), b"a" * 100)
        assert_refused(wire.answer(), 408)
        assert wire.at_end()


def test_a_connection_without_a_request_is_closed_without_a_word(application: FastAPI) -> None:
    with running(application, quick(head_s=SHORT)) as (_, port), Wire(port) as wire:
        assert wire.at_end()


def test_an_idle_connection_is_closed(application: FastAPI) -> None:
    with running(application, quick(keep_alive_s=SHORT)) as (_, port), Wire(port) as wire:
        assert wire.get().status == 200
        started = time.monotonic()
        assert wire.at_end()
        assert SHORT <= time.monotonic() - started < 3


def test_a_connection_in_use_stays(application: FastAPI) -> None:
    limits = quick(keep_alive_s=SHORT, head_s=SHORT, request_s=SHORT)
    with running(application, limits) as (_, port), Wire(port) as wire:
        for _ in range(12):
            time.sleep(SHORT / 4)
            assert wire.get().status == 200


def test_a_client_that_takes_nothing_is_let_go() -> None:
    made = HandMade()
    with running(made, quick(write_s=SHORT)) as (server, port), Wire(port, 4096) as wire:
        wire.send(request("/bytes/50000000"))
        assert made.ended.wait(5)
        assert wait_until(lambda: not server.traffic.connections)


def test_a_client_that_takes_a_little_is_not() -> None:
    with running(HandMade(), quick(write_s=SHORT)) as (_, port), Wire(port, 4096) as wire:
        wire.send(request("/bytes/6553600"))
        received, started = 0, time.monotonic()
        while received < 6_553_600:
            received += len(wire.socket.recv(250_000))
            time.sleep(SHORT / 8)
            if time.monotonic() - started > 4 * SHORT:
                break
        assert wire.takes(6_553_600 - received)


@pytest.mark.parametrize("left", [b"", b"a" * 10])
def test_a_refused_client_that_stays_is_let_go(application: FastAPI, left: bytes) -> None:
    with running(application, quick(linger_s=SHORT)) as (server, port), Wire(port) as wire:
        wire.send(b"what?\r\n\r\n" + left).answer()
        assert wait_until(lambda: not server.traffic.connections)
