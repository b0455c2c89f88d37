"""What answers say of a limit: structured fields, and numbers that a client can live by."""

import re

import pytest

from app.auth.limits import Limits, RateLimited
from app.auth.quota import Standing, policy
from app.settings import Rate
from tests.auth.test_limits import Clock

#: An item of the draft's lists, by the grammar of RFC 9651 as far as the draft uses it.
ITEM = re.compile(r'"([a-z]+)";([a-z]+)=([0-9]+);([a-z]+)=([0-9]+)')


def told(standing: Standing | None) -> dict[str, tuple[str, dict[str, int]]]:
    """Return the headers of a standing, parsed."""
    assert standing is not None
    found = {}
    for name, value in standing.headers():
        item = ITEM.fullmatch(value.decode())
        assert item, value
        found[name.decode()] = (item[1], {item[2]: int(item[3]), item[4]: int(item[5])})
    return found


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(Rate(600, 60), (600, 60)), (Rate(1, 1), (1, 1)), (Rate(9_999, 3600), (9_999, 3600))],
)
def test_the_policy_is_the_rate(rate: Rate, expected: tuple[int, int]) -> None:
    limits = Limits(rate, clock=Clock())
    quota, window = expected
    assert told(limits.take("a"))["ratelimit-policy"] == ("client", {"q": quota, "w": window})


def test_what_is_left_falls_by_one_and_comes_back_with_time() -> None:
    clock = Clock()
    limits = Limits(Rate(60, 60), clock=clock)
    said = [told(limits.take("a"))["ratelimit"][1] for _ in range(60)]
    assert [item["r"] for item in said] == list(range(59, -1, -1))
    assert [item["t"] for item in said] == [*range(1, 60), 1]  # none is left: one comes in a second
    clock.move(30)
    assert told(limits.take("a"))["ratelimit"][1] == {"r": 29, "t": 31}
    clock.move(3600)
    assert told(limits.take("a"))["ratelimit"][1] == {"r": 59, "t": 1}


def test_who_is_refused_reads_the_same_in_both_headers() -> None:
    clock = Clock()
    limits = Limits(Rate(2, 60), clock=clock)
    for _ in range(2):
        limits.take("a")
    clock.move(7.5)
    with pytest.raises(RateLimited) as refused:
        limits.take("a")
    assert refused.value.retry_after_s == 23  # a request every 30 s
    assert told(refused.value.standing)["ratelimit"][1] == {"r": 0, "t": 23}


def test_lines_and_headers_say_the_same() -> None:
    standing = Standing(policy(Rate(600, 60), "client"), 250_000_000)
    assert standing.lines() == b'ratelimit-policy: "client";q=600;w=60\r\nratelimit: "client";r=597;t=1\r\n'
    assert b"".join(b"%b: %b\r\n" % header for header in standing.headers()) == standing.lines()


def test_clients_with_a_rate_of_their_own() -> None:
    own = {"slow": policy(Rate(1, 60), "client"), "free": None}
    limits = Limits(Rate(10, 60), clock=Clock(), own=lambda: own)
    assert told(limits.take("slow"))["ratelimit"][1]["r"] == 0
    with pytest.raises(RateLimited, match="1/minute"):
        limits.take("slow")
    assert [limits.take("free") for _ in range(1_000)] == [None] * 1_000
    assert told(limits.take("other"))["ratelimit"][1]["r"] == 9


def test_off_is_off_for_all() -> None:
    limits = Limits(None, own=lambda: {"slow": policy(Rate(1, 60), "client")})
    assert [limits.take("slow") for _ in range(10)] == [None] * 10


def test_a_raised_limit_holds_at_once() -> None:
    own = {"a": policy(Rate(1, 3600), "client")}
    limits = Limits(Rate(10, 60), clock=Clock(), own=lambda: own)
    limits.take("a")
    with pytest.raises(RateLimited):
        limits.take("a")
    own["a"] = policy(Rate(100, 1), "client")
    assert told(limits.take("a"))["ratelimit"][1]["r"] == 99
