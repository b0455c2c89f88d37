"""How answers leave: heads that cannot be forged, head and body together, nothing held back."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from app.server.limits import Limits
from app.server.transport import Departures, Gentle
from tests.support.wire import Wire, running

LIMITS = Limits(drain_delay_s=0)


def answering(headers: Sequence[tuple[bytes, bytes]], *pieces: bytes, pause_s: float = 0) -> Any:
    """Return an application that answers everything so, with a pause before each piece."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in pieces:
            await asyncio.sleep(pause_s)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return application


@pytest.mark.parametrize("value", [b"a\r\nb: c", b"a\nb: c", b"a\rb", b"a\0b"])
def test_a_value_cannot_begin_another_header(value: bytes) -> None:
    with running(answering([(b"x", value)]), LIMITS) as (_, port), Wire(port) as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        assert wire.at_end()


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ([(b"content-length", b"4")], {"content-length": "4"}),
        ([(b"Transfer-Encoding", b"chunked")], {"transfer-encoding": "chunked"}),
        ([], {"transfer-encoding": "chunked"}),
        ([(b"connection", b"Close")], {"connection": "Close", "transfer-encoding": "chunked"}),
    ],
)
def test_an_answer_is_framed_once(headers: list[tuple[bytes, bytes]], sent: dict[str, str]) -> None:
    with running(answering(headers, b"ab", b"cd"), LIMITS) as (_, port), Wire(port) as wire:
        answer = wire.get()
        assert answer.body == b"abcd"
        framing = {name: answer.headers[name] for name in answer.headers.keys() - {"date"}}
        assert framing == sent


def test_a_head_does_not_wait_for_a_body_that_takes_long() -> None:
    slow = answering([(b"content-length", b"1")], b"x", pause_s=60)
    with running(slow, Limits(drain_delay_s=0, grace_s=0)) as (_, port), Wire(port) as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        assert wire.takes(len(b"HTTP/1.1 200 OK\r\n"))


class Written:
    """A transport that notes what is sent, by system call."""

    def __init__(self) -> None:
        self.calls: list[list[bytes]] = []
        self.lost = False

    def writelines(self, pieces: list[bytes]) -> None:
        self.calls.append(pieces)

    def is_closing(self) -> bool:
        return self.lost

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def held(*pieces: bytes, flush: bool, lost: bool = False) -> list[list[bytes]]:
    """Write pieces in one turn of the event loop, and return what was sent by the next but one."""

    async def write() -> list[list[bytes]]:
        below = Written()
        transport: Any = Gentle(below, Departures())  # type: ignore[arg-type] # stands for one
        for piece in pieces:
            transport.write(piece)
        if flush:
            transport.flush()
        below.lost = lost
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return below.calls

    return asyncio.run(write())


def test_what_is_written_in_one_turn_is_sent_together() -> None:
    assert held(b"head", b"body", flush=True) == [[b"head", b"body"]]
    assert held(b"head", b"body", flush=False) == [[b"head", b"body"]]
    assert held(b"head", b"x" * 100_000, flush=False) == [[b"head", b"x" * 100_000]]
    assert held(b"head", flush=False, lost=True) == []


def test_answers_of_one_turn_leave_together_but_wait_for_none_that_takes_long() -> None:
    async def write() -> list[int]:
        together, below, sent = Departures(), [Written() for _ in range(4)], []
        for transport in below:
            Gentle(transport, together).write(b"answer")  # type: ignore[arg-type] # as above
            sent.append(sum(len(each.calls) for each in below))
            if transport is below[1]:
                time.sleep(0.001)  # noqa: ASYNC251 - an answer that takes the loop so long
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return [*sent, sum(len(each.calls) for each in below)]

    assert asyncio.run(write()) == [0, 0, 3, 3, 4]
