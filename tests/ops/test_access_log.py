"""The access log: a line per request that nothing a client sends can break, and that no request waits for."""

import fcntl
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.ops import lines as log_lines
from app.ops.access_log import AccessLog

REQUEST: dict[str, Any] = {
    "request_id": "abc-1",
    "client": "127.0.0.1",
    "client_id": "client-1",
    "jti": "token-1",
    "method": "GET",
    "path": "/v1/runs",
    "query": b"limit=5",
    "route": "/v1/runs",
    "status": 200,
    "size": 512,
    "rows": 5,
    "seconds": 0.0012345678,
    "run_id": "20250101T000000Z-first",
}
SECRET = "mm_0123456789abcdef_" + "s3kr1t-" * 6 + "x"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


class Lost:
    """Counts lines that were dropped."""

    def __init__(self) -> None:
        self.lines = 0

    def __call__(self, lines: int) -> None:
        self.lines += lines


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Callable[..., list[dict[str, Any]]]]:
    """Log some requests that differ from ``REQUEST``, and return the lines."""
    lost = Lost()

    def log(*requests: dict[str, Any]) -> list[dict[str, Any]]:
        with (tmp_path / "log").open("w+b") as file:
            lines = AccessLog(lost, file.fileno())
            for request in requests:
                lines.write(**REQUEST | request)
            lines.close()
            file.seek(0)
            content = file.read()
        assert re.fullmatch(rb"[ -~\n]*", content), "a line has characters that a terminal may act on"
        return [json.loads(line) for line in content.splitlines()]

    yield log
    assert lost.lines == 0


Logged = Callable[..., list[dict[str, Any]]]


def test_what_a_line_says(logged: Logged) -> None:
    before = time.time()
    (line,) = logged({})
    at = line.pop("time")
    assert line == {
        "request_id": "abc-1",
        "client": "127.0.0.1",
        "client_id": "client-1",
        "jti": "token-1",
        "method": "GET",
        "path": "/v1/runs",
        "query": "limit=5",
        "route": "/v1/runs",
        "status": 200,
        "bytes": 512,
        "rows": 5,
        "seconds": 0.001235,
        "run_id": "20250101T000000Z-first",
    }
    day, _, clock = at.partition("T")
    assert day in {time.strftime("%Y-%m-%d", time.gmtime(moment)) for moment in (before, time.time())}
    assert re.fullmatch(r"\d\d:\d\d:\d\d(\.\d{6})?Z", clock)


def test_what_is_unknown_is_null(logged: Logged) -> None:
    names = ("client", "client_id", "jti", "rows", "run_id")
    (line,) = logged(dict.fromkeys(names))
    assert [line[name] for name in names] == [None] * len(names)


def test_lines_keep_their_order(logged: Logged) -> None:
    lines = logged(*({"request_id": str(number)} for number in range(5_000)))
    assert [line["request_id"] for line in lines] == [str(number) for number in range(5_000)]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (f"access_token={JWT}", "access_token=***"),
        ("limit=1&access_token=s3kr1t&sort=year", "limit=1&access_token=***&sort=year"),
        ("access%5Ftoken=s3kr1t", "access%5Ftoken=***"),
        ("%61ccess_token=s3kr1t", "%61ccess_token=***"),
        ("Access_Token=s3kr1t", "Access_Token=***"),
        ("access_token%3Ds3kr1t", "***"),
        ("a=1;access_token=s3kr1t", "a=***"),
        ("a=1;access_token%3Ds3kr1t", "a=***"),
        ("token=s3kr1t&client_secret=s3kr1t", "token=***&client_secret=***"),
        ("password=s3kr1t&client_assertion=s3kr1t", "password=***&client_assertion=***"),
        ("authorization=Bearer+s3kr1t&api-key=s3kr1t", "authorization=***&api-key=***"),
        (f"sort={JWT}&limit=5", "sort=***&limit=5"),
        (f"{JWT}", "***"),
        (f"search={SECRET}&limit=5", "search=***&limit=5"),
        (f"search=mm%5F{SECRET[3:]}", "search=***"),
        (f"{JWT}=1", "***"),
        ("cursor=%65yJhbGciOiJ", "cursor=***"),
        ("access_token=s3kr1t=s3kr1t", "access_token=***"),
        ("company=Token+Films&search=secret", "company=Token+Films&search=secret"),
        ("year=1995&genre=science-fiction", "year=1995&genre=science-fiction"),
        ("company=100%25+%C3%A9", "company=100%25+%C3%A9"),
        ("", ""),
    ],
)
def test_no_secret_of_a_query_is_shown(logged: Logged, query: str, shown: str) -> None:
    (line,) = logged({"query": query.encode()})
    assert line["query"] == shown


def test_no_token_of_a_path_is_shown(logged: Logged) -> None:
    lines = logged({"path": f"/v1/runs/{JWT}/changes"}, {"path": "/v1/%65yJhbGciOiJ"})
    assert [line["path"] for line in lines] == ["/v1/runs/***/changes", "/v1/***"]


def test_a_long_secret_is_not_shown_in_part(logged: Logged) -> None:
    (line,) = logged({"query": b"limit=1&access_token=" + b"s" * 5_000})
    assert line["query"] == "limit=1&access_token=***"


NASTY = 'a\x00\x1b[2J\r\n"}\\\x7f\x9b\u2028\u202e\ud800é'


def test_no_character_breaks_a_line(logged: Logged) -> None:
    names = ("request_id", "client", "client_id", "jti", "method", "path", "route", "run_id")
    *changed, last = logged(*({name: NASTY} for name in names), {"query": NASTY.encode("utf-8", "replace")})
    assert [line[name] for line, name in zip(changed, names, strict=True)] == [NASTY] * len(names)
    assert last["query"].encode("latin-1") == NASTY.encode("utf-8", "replace")
    assert all(re.fullmatch(r"[0-9T:.-]{19,26}Z", line["time"]) for line in changed)


def test_long_values_are_cut(logged: Logged) -> None:
    exact, longer = logged(
        {"path": "/" + "p" * 999, "query": b"q" * 1_000},
        {"path": "/" + "p" * 100_000, "query": b"q" * 100_000, "method": "M" * 100_000},
    )
    assert (exact["path"], exact["query"]) == ("/" + "p" * 999, "q" * 1_000)
    assert (longer["path"], longer["query"]) == ("/" + "p" * 999 + "...", "q" * 1_000 + "...")
    assert longer["method"] == "M" * 1_000 + "..."


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe that nobody reads, as small as it can be."""
    ends = os.pipe()
    fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, 4_096)
    yield ends
    for end in ends:
        os.close(end)


def read_lines(descriptor: int, count: int) -> list[dict[str, Any]]:
    with os.fdopen(os.dup(descriptor), "rb") as reader:
        return [json.loads(reader.readline()) for _ in range(count)]


@pytest.mark.parametrize("blocking", [True, False])
def test_a_stalled_reader_costs_lines_and_no_time(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch, blocking: bool
) -> None:
    monkeypatch.setattr(log_lines, "WAITING_BYTES", 10_000)
    monkeypatch.setattr(log_lines, "EVERY_S", 0.001)
    os.set_blocking(pipe[1], blocking)
    lost = Lost()
    log = AccessLog(lost, pipe[1])
    written = 0
    while lost.lines < 100:  # the pipe is full, and so is what may wait
        log.write(**REQUEST | {"request_id": str(written)})
        written += 1
        time.sleep(0)
    kept = written - lost.lines
    log._closing.set()
    lines = read_lines(pipe[0], kept)
    ids = [int(line["request_id"]) for line in lines]
    assert ids == sorted(ids)
    log.close()
    assert not log._thread or not log._thread.is_alive()
    assert written == kept + lost.lines


def test_the_end_waits_for_no_reader_that_does_not_read(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_lines, "CLOSES_WITHIN_S", 0.05)
    log = AccessLog(Lost(), pipe[1])
    for _ in range(100):
        log.write(**REQUEST)
    started = time.monotonic()
    log.close()
    assert time.monotonic() - started < 1
    assert read_lines(pipe[0], 100)
    assert log._thread
    log._thread.join(20)


def test_lines_that_nobody_will_read_are_counted() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    lost = Lost()
    log = AccessLog(lost, writer)
    for _ in range(30):
        log.write(**REQUEST)
    log.close()
    os.close(writer)
    assert lost.lines == 30


def test_workers_do_not_mix_their_lines(pipe: tuple[int, int]) -> None:
    logs = [AccessLog(Lost(), pipe[1]) for _ in range(3)]
    for number in range(200):
        for which, log in enumerate(logs):
            log.write(**REQUEST | {"request_id": str(which), "status": number})
    ends = [threading.Thread(target=log.close) for log in logs]
    for end in ends:
        end.start()
    lines = read_lines(pipe[0], 600)
    for end in ends:
        end.join()
    for which in range(3):
        assert [line["status"] for line in lines if line["request_id"] == str(which)] == list(range(200))
