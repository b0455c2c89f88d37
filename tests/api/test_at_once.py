"""Finished answers over real sockets: sent before a task is made, otherwise like the first time."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from app.auth.clients import revoke_client
from app.database import open_engine
from app.main import close, create_app
from app.ops.access_log import AccessLog
from app.routers.refusals import Refusals
from app.server.connection import Connection
from app.server.limits import Limits
from app.serving import batch, export, store
from app.serving.errors import StatementTimeout
from app.settings import Settings
from tests.api.conftest import FIRST, SECOND
from tests.support.http import Api, authorized
from tests.support.movies import LATER, MOVIES
from tests.support.waiting import wait_until
from tests.support.wire import Answer, Wire, request, running
from tests.support.world import World

PATH = "/v1/aggregates/genres?limit=7"
OF_ONE_REQUEST = {"x-request-id", "date"}


class Served:
    """The application behind our server, with one run published."""

    def __init__(self, home: Path, **settings: Any) -> None:
        chosen = Settings(home=home, _env_file=None, **settings)
        self.app = create_app(chosen)
        self.app.add_middleware(Refusals)
        self.world = World(open_engine(chosen.warehouse))
        self.world.add(FIRST, MOVIES)
        self.world.publish(FIRST)
        self.api: Api = authorized(self.app)

    def request(self, path: str = PATH, *headers: str) -> bytes:
        """Return the bytes of an authorized GET."""
        return request(path, f"Authorization: Bearer {self.api.token}", *headers)

    def close(self) -> None:
        """Let go of everything."""
        self.api.runner.close()
        close(self.app)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path, rate_limit="off", access_log="off")
    yield served
    served.close()


def alike(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name not in OF_ONE_REQUEST}
    return answer.status, headers, answer.body


@pytest.mark.parametrize("headers", [(), ("Accept-Encoding: gzip",), ("Accept: text/csv",)])
def test_the_second_answer_is_sent_at_once_and_alike(
    served: Served, made_at_once: list[bool], headers: tuple[str, ...]
) -> None:
    with running(served.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as wire:
        first, second = (wire.send(served.request(PATH, *headers)).answer() for _ in range(2))
        assert made_at_once == [False, True]
        assert alike(first) == alike(second)
        assert first.status == 200
        assert first.headers["x-request-id"] != second.headers["x-request-id"]
        known = wire.send(served.request(PATH, "X-Request-Id: mine", *headers)).answer()
        assert known.headers["x-request-id"] == "mine"
        tag = f"If-None-Match: {first.headers['etag']}"
        unchanged = wire.send(served.request(PATH, tag, *headers)).answer()
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert "content-length" not in unchanged.headers
    assert made_at_once == [False, True, True, True]


@pytest.mark.parametrize(
    "header", ["Connection: close", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c"]
)
def test_the_last_answer_says_so_and_ends_the_connection(
    served: Served, made_at_once: list[bool], header: str
) -> None:
    """It is no hurry: what the parser knows of the connection comes after the request."""
    with running(served.app, Limits(drain_delay_s=0)) as (_, port):
        with Wire(port) as wire:
            wire.send(served.request()).answer()
        with Wire(port) as wire:
            answer = wire.send(served.request(PATH, header)).answer()
            assert wire.at_end()
    assert answer.status == 200
    assert answer.headers["connection"] == "close"
    assert made_at_once == [False]


def test_what_follows_a_last_request_disturbs_nobody(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP/1.0 keeps no connection here, whatever is asked, though the parser goes on with what follows."""
    monkeypatch.setattr(export, "SMALL_BYTES", 0)
    whole = served.request("/v1/aggregates/genres?limit=all&format=csv")
    last = served.request(PATH, "Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0")
    with running(served.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as other:
        known = other.send(served.request()).answer()
        for _ in range(50):
            with Wire(port) as wire:
                other.send(served.request())
                wire.send(last + whole)
                assert wire.answer().status == 200
                assert other.answer().body == known.body


def test_while_draining_the_newest_answer_is_the_last(served: Served) -> None:
    limits = Limits(drain_delay_s=0, last_call_s=2)
    with running(served.app, limits) as (server, port), Wire(port) as wire:
        wire.send(served.request()).answer()
        server.handle_exit(signal.SIGTERM, None)
        assert wait_until(lambda: server.traffic.draining_since is not None)
        wire.send(served.request() * 2)
        assert [wire.answer().headers.get("connection") for _ in range(2)] == [None, "close"]


def test_many_at_once_are_answered_in_their_order(served: Served) -> None:
    paths = [PATH, "/healthz", PATH, "/v1/aggregates/years", PATH]
    with running(served.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as wire:
        alone = [wire.send(served.request(path)).answer() for path in paths]
        wire.send(b"".join(served.request(path) for path in paths * 40))
        together = [wire.answer() for _ in paths * 40]
    assert [alike(answer) for answer in together] == [alike(answer) for answer in alone] * 40


def test_a_publish_or_a_revocation_ends_it(served: Served, made_at_once: list[bool]) -> None:
    served.world.add(SECOND, LATER)
    with running(served.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as wire:
        for _ in range(2):
            assert wire.send(served.request()).answer().headers["run-id"] == FIRST
        served.world.publish(SECOND)
        assert wire.send(served.request()).answer().headers["run-id"] == SECOND
        assert wire.send(served.request()).answer().headers["run-id"] == SECOND
        assert made_at_once == [False, True, True, True], "the third was read at once"
        auth = served.app.state.auth
        revoke_client(auth.engine, auth.verifier.verify(served.api.token).client_id)
        auth.watcher.refresh()
        assert wire.send(served.request()).answer().status == 401
        assert wire.get(PATH).status == 401


def test_it_counts_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_at_once: list[bool]
) -> None:
    """Four of them: the limit lets three pass, and metrics and the log know of each."""
    lines: list[tuple[Any, ...]] = []
    monkeypatch.setattr(AccessLog, "write", lambda _, *line: lines.append(line))
    served = Served(tmp_path, rate_limit="3/hour", access_log="on")
    with running(served.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as wire:
        answers = [wire.send(served.request()).answer() for _ in range(4)]
        assert made_at_once == [False, True, True, False]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert int(answers[3].headers["retry-after"]) > 0
        metrics = wire.get("/metrics").body.decode()
    of_route = 'method="GET",route="/v1/aggregates/genres"'
    assert f'http_requests_total{{{of_route},status="200"}} 3\n' in metrics
    assert f'http_requests_total{{{of_route},status="429"}} 1\n' in metrics
    assert 'answer_cache_requests_total{result="hit"} 2\n' in metrics
    size = 3 * len(answers[0].body) + len(answers[3].body)
    assert f'http_response_bytes_total{{route="/v1/aggregates/genres"}} {size}\n' in metrics
    assert wait_until(lambda: len([line for line in lines if "genres" in line[5]]) == 4)
    logged = [line for line in lines if "genres" in line[5]]
    assert [line[0] for line in logged] == [answer.headers["x-request-id"] for answer in answers]
    first, again = ((*line[1:11], line[12]) for line in logged[:2])
    assert first == again
    auth = served.app.state.auth
    assert again[2] == auth.verifier.verify(served.api.token).jti
    assert again[9] == json.loads(answers[0].body)["meta"]["count"] == 7
    assert [line[10] for line in logged] == [7, 7, 7, None]
    assert json.loads(answers[0].body)["meta"]["run_id"] == logged[1][-1]
    served.close()


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The path of every request that was parsed."""
    paths: list[str] = []
    begin = Connection._begin

    def noted(self: Connection) -> None:
        begin(self)
        paths.append(self.scope["path"])

    monkeypatch.setattr(Connection, "_begin", noted)
    return paths


def test_what_came_just_now_is_not_parsed_again(served: Served, parsed: list[str]) -> None:
    with running(served.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as wire:
        answers = [wire.send(served.request()).answer() for _ in range(5)]
        assert len(parsed) == 2, "the first was no answer at once"
        assert len({answer.headers["x-request-id"] for answer in answers}) == 5
        other = wire.send(served.request("/v1/aggregates/years")).answer()
        assert alike(wire.send(served.request()).answer()) == alike(answers[0])
        assert json.loads(other.body)["meta"]["mart"] == "year"
        assert len(parsed) == 4
        wire.send(served.request() + served.request("/healthz"))
        assert [wire.answer().status, wire.answer().body] == [200, wire.get("/healthz").body]
    assert [len(alike(answer)[2]) for answer in answers] == [len(answers[0].body)] * 5


def test_a_beginning_of_another_request_is_not_taken_for_one(served: Served, parsed: list[str]) -> None:
    whole = served.request()
    with running(served.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as wire:
        known = [wire.send(whole).answer() for _ in range(3)][-1]
        wire.send(whole + whole[:40])
        assert alike(wire.answer()) == alike(known)
        wire.send(whole[40:])
        assert alike(wire.answer()) == alike(known)
        wire.send(whole)
        assert alike(wire.answer()) == alike(known)
        with_a_body = served.request(PATH, "Content-Length: 3") + b"abc"
        assert [wire.send(with_a_body).answer().status for _ in range(3)] == [200] * 3
        assert alike(wire.send(whole).answer()) == alike(known)


def test_what_is_asked_again_is_judged_again(served: Served) -> None:
    """Refused while the worker is full, answered after it, refused once the client is revoked."""
    limits = Limits(drain_delay_s=0, in_flight=9)
    with running(served.app, limits) as (server, port), Wire(port) as wire:
        assert [wire.send(served.request()).answer().status for _ in range(3)] == [200] * 3
        others: set[Any] = {object() for _ in range(9)}
        server.traffic.tasks |= others
        refused = [wire.send(served.request()).answer().status for _ in range(2)]
        server.traffic.tasks -= others
        assert refused == [503] * 2
        assert [wire.send(served.request()).answer().status for _ in range(3)] == [200] * 3
        auth = served.app.state.auth
        revoke_client(auth.engine, auth.verifier.verify(served.api.token).client_id)
        auth.watcher.refresh()
        assert [wire.send(served.request()).answer().status for _ in range(2)] == [401] * 2
        server.handle_exit(signal.SIGTERM, None)
        assert wait_until(lambda: server.traffic.draining_since is not None)
        last = wire.send(served.request()).answer()
        assert (last.status, last.headers["connection"]) == (401, "close")


def too_slow(*_: Any) -> Any:
    raise StatementTimeout("this takes longer than a moment")


@pytest.mark.parametrize("slow", [True, False], ids=["beside the loop", "at once"])
def test_a_stampede_is_read_once(served: Served, monkeypatch: pytest.MonkeyPatch, slow: bool) -> None:
    """200 connections ask what nobody asked before, whether it takes longer than a moment or not."""
    if slow:
        monkeypatch.setattr(store.MartStore, "read_at_once", too_slow)
    read = list[str]()
    page = batch.page

    def counted(*given: Any) -> Any:
        found = page(*given)
        read.append("page")
        return found

    monkeypatch.setattr(batch, "page", counted)
    with running(served.app, Limits(drain_delay_s=0)) as (_, port), ExitStack() as open_ones:
        wires = [open_ones.enter_context(Wire(port)) for _ in range(200)]
        for wire in wires:
            wire.send(served.request())
        answers = [wire.answer() for wire in wires]
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert read == ["page"]
