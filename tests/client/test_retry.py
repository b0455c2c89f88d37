"""What is tried again, how often, and after which wait."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from app.client import (
    Client,
    MartsError,
    RateLimited,
    Retry,
    RunPruned,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)

PAGE = {"data": [{"year": 1995}], "meta": {"run_id": "r"}, "links": {"self": "/", "next": None}}


def problem(status: int, **headers: str) -> httpx.Response:
    body = {
        "type": "urn:t",
        "title": "T",
        "status": status,
        "detail": "d",
        "instance": "/",
        "request_id": "id7",
    }
    return httpx.Response(status, json={**body, "errors": []}, headers=headers)


def good() -> httpx.Response:
    return httpx.Response(200, json=PAGE)


class Script:
    """Answers with one thing after the other, and notes the waits between."""

    def __init__(self, *answers: httpx.Response | Exception, **bounds: float) -> None:
        self.left: Iterator[httpx.Response | Exception] = iter(answers)
        self.asked = 0
        self.waits: list[float] = []
        retry = Retry(sleep=self.waits.append, **bounds)  # type: ignore[arg-type] # numbers
        self.marts = Client("http://api.test", token="t", retry=retry, transport=httpx.MockTransport(self))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        answer = next(self.left)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_the_server_says_how_long_to_wait() -> None:
    in_time = format_datetime(datetime.now(UTC) + timedelta(seconds=9), usegmt=True)
    script = Script(problem(429, **{"Retry-After": "7"}), problem(503, **{"Retry-After": in_time}), good())
    assert script.marts.years().rows() == [{"year": 1995}]
    assert script.waits[0] == 7
    assert 7 < script.waits[1] <= 9
    assert len(script.waits) == 2


def test_attempts_are_bounded_and_the_last_error_is_raised() -> None:
    script = Script(*(problem(429, **{"Retry-After": "1"}) for _ in range(9)), attempts=3)
    with pytest.raises(RateLimited) as caught:
        script.marts.years().rows()
    assert (script.asked, script.waits) == (3, [1, 1])
    assert (caught.value.retry_after_s, caught.value.request_id) == (1, "id7")


def test_a_wait_that_is_too_long_is_not_waited() -> None:
    script = Script(problem(503, **{"Retry-After": "31"}), good())
    with pytest.raises(Unavailable):
        script.marts.years().rows()
    assert (script.asked, script.waits) == (1, [])


def test_waits_double_where_the_server_says_nothing() -> None:
    script = Script(problem(503), problem(502), problem(504), good(), first_wait_s=1)
    script.marts.years().rows()
    bounds = [(0.5, 1), (1, 2), (2, 4)]
    assert all(low <= wait <= high for wait, (low, high) in zip(script.waits, bounds, strict=True))


def test_a_broken_connection_is_tried_again() -> None:
    script = Script(httpx.ConnectError("refused"), httpx.RemoteProtocolError("cut"), good())
    assert script.marts.years().rows() == [{"year": 1995}]
    dead = Script(*(httpx.ConnectError("refused") for _ in range(4)))
    with pytest.raises(Unreachable, match="ConnectError: refused"):
        dead.marts.years().rows()
    assert dead.asked == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 406, 409, 500])
def test_what_another_attempt_does_not_better_is_not_tried(status: int) -> None:
    script = Script(problem(status), good())
    with pytest.raises(MartsError):
        script.marts.years().rows()
    assert script.asked == 1


def test_a_pruned_run_ends_the_pages() -> None:
    first = {**PAGE, "meta": {"run_id": "r", "next_cursor": "c1"}}
    script = Script(httpx.Response(200, json=first), problem(409))
    rows = iter(script.marts.years())
    assert next(rows) == {"year": 1995}
    with pytest.raises(RunPruned, match="409 T: d"):
        next(rows)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[1]),
        httpx.Response(200, json={"data": []}),
        httpx.Response(302, headers={"Location": "http://elsewhere.test/"}),
        httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"none")),
    ],
)
def test_answers_that_the_api_never_gives(answer: httpx.Response) -> None:
    script = Script(answer)
    with pytest.raises(UnexpectedAnswer):
        script.marts.years().rows()
    assert script.asked == 1


def test_an_error_of_a_proxy_is_a_problem_without_id() -> None:
    script = Script(httpx.Response(503, text="<h1>Busy</h1>"), attempts=1)
    with pytest.raises(Unavailable, match=r"503 Service Unavailable: .* before the API") as caught:
        script.marts.years().rows()
    assert caught.value.request_id is None
    assert caught.value.errors == ()


def test_a_busy_token_endpoint_is_tried_again() -> None:
    answers = iter(
        [problem(503, **{"Retry-After": "3"}), httpx.Response(200, json={"access_token": "t"}), good()]
    )
    waits: list[float] = []
    transport = httpx.MockTransport(lambda request: next(answers))
    retry = Retry(sleep=waits.append)
    marts = Client("http://api.test", client_id="me", client_secret="s", retry=retry, transport=transport)
    assert marts.years().rows() == [{"year": 1995}]
    assert waits == [3]
