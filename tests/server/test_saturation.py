"""A full worker says so at once, and when to come back."""

import socket
from contextlib import ExitStack

from fastapi import FastAPI

from app.routers.refusals import Refusals
from tests.server.test_refusals import assert_refused
from tests.server.test_time import quick
from tests.support.hand_made import HandMade
from tests.support.waiting import wait_until
from tests.support.wire import Wire, request, running


def test_connections_beyond_the_limit_are_503(application: FastAPI) -> None:
    with running(application, quick(connections=2)) as (server, port), ExitStack() as stack:
        first, second = (stack.enter_context(Wire(port)) for _ in range(2))
        assert [wire.get().status for wire in (first, second)] == [200, 200]
        with Wire(port) as third:
            answer = third.answer()
            assert_refused(answer, 503)
            assert int(answer.headers["retry-after"]) > 0
            assert third.at_end()
        assert first.get().status == 200
        first.socket.shutdown(socket.SHUT_RDWR)
        assert wait_until(lambda: len(server.traffic.connections) < 2)
        with Wire(port) as fourth:
            assert fourth.get().status == 200


def test_a_client_that_sends_at_once_reads_its_503(application: FastAPI) -> None:
    with running(application, quick(connections=1)) as (server, port), Wire(port) as only:
        assert only.get().status == 200
        for _ in range(20):
            with Wire(port) as other:
                assert_refused(other.get("/readyz"), 503)
            # Beyond twice the limit there is no answer.
            assert wait_until(lambda: len(server.traffic.connections) < 2)


def test_requests_beyond_the_limit_are_503_and_the_connection_stays() -> None:
    made = HandMade()
    with (
        running(Refusals(made), quick(in_flight=1)) as (_, port),
        Wire(port) as busy,
        Wire(port) as wire,
    ):
        busy.send(request("/wait"))
        assert made.waiting.acquire(timeout=5)
        answer = wire.get("/other")
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert answer.problem["status"] == 503
        assert "connection" not in answer.headers
        assert wire.get("/healthz").body == b"done"
        made.go.set()
        assert busy.answer().body == b"done"
        assert wire.get("/other").body == b"done"
