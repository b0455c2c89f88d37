"""Cursors: nobody makes one up, nobody carries one elsewhere."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest

from app.serving.cursor import Cursors, Position
from tests.api.conftest import FIRST, SECOND
from tests.support.http import Api

PATH = "/v1/aggregates/genres"
ASKED: dict[str, Any] = {"sort": "-revenue", "genre": "drama", "fields": "year,revenue", "limit": "2"}


@pytest.fixture
def cursor(api: Api) -> str:
    text: str = api.get(PATH, **ASKED).json()["meta"]["next_cursor"]
    return text


def follow(api: Api, cursor: str, path: str = PATH, **changed: Any) -> Any:
    parameters = {**ASKED, "cursor": cursor, **changed}
    return api.get(path, **{name: value for name, value in parameters.items() if value is not None})


def assert_refused(answer: Any) -> None:
    assert answer.status_code == 400, answer.text
    assert [error["parameter"] for error in answer.json()["errors"]] == ["cursor"]


def test_a_format_named_or_not_is_the_same_question(api: Api, cursor: str) -> None:
    assert follow(api, cursor, format="json").json()["data"] == follow(api, cursor).json()["data"]


@pytest.mark.parametrize(
    "changed",
    [
        {"limit": "1"},
        {"limit": None},
        {"sort": "revenue"},
        {"sort": None},
        {"sort": "-revenue,genre"},
        {"genre": "comedy"},
        {"genre": None},
        {"fields": None},
        {"fields": "revenue,year"},
        {"year_from": "1990"},
        {"run": FIRST},
        {"run": SECOND},
        {"rollup": "years", "fields": "genre,revenue"},
    ],
    ids=str,
)
def test_nothing_else_may_change(api: Api, cursor: str, changed: dict[str, Any]) -> None:
    assert_refused(follow(api, cursor, **changed))


def test_another_spelling_is_no_change(api: Api, cursor: str) -> None:
    answer = api.get(f"{PATH}?cursor={cursor}&limit=2&fields=year%2Crevenue&genre=drama&sort=%2Drevenue")
    assert answer.status_code == 200


def test_it_belongs_to_one_endpoint(api: Api) -> None:
    cursor = api.get("/v1/aggregates/genres", limit=1, fields="year").json()["meta"]["next_cursor"]
    other = "/v1/aggregates/production-companies"
    assert_refused(api.get(other, limit=1, fields="year", cursor=cursor))


def test_every_flipped_bit_is_noticed(api: Api, cursor: str) -> None:
    signed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for place in range(0, len(signed) * 8, 7):
        changed = bytearray(signed)
        changed[place // 8] ^= 1 << place % 8
        assert_refused(follow(api, urlsafe_b64encode(changed).decode().rstrip("=")))


@pytest.mark.parametrize(
    "text", ["x", "A" * 16, "A" * 22, "=", "%ff", "é", "ÿ" * 50, "A" * 30_000, "!!!!", "a b"]
)
def test_rubbish_is_refused(api: Api, text: str) -> None:
    assert_refused(api.get(PATH, cursor=text))


def test_only_one_spelling_counts(api: Api, cursor: str) -> None:
    assert_refused(follow(api, cursor + "="))
    assert_refused(follow(api, cursor + "=="))
    assert_refused(follow(api, cursor[:-1]))
    assert_refused(follow(api, cursor + "A"))


def test_another_secret_makes_another_cursor(api: Api, cursor: str) -> None:
    ours = api.app.state.auth.cursor_secret()
    payload = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[16:]
    theirs = Cursors(bytes(32))
    forged = urlsafe_b64encode(theirs._mac(payload) + payload).decode().rstrip("=")
    assert len(ours) == 32
    assert_refused(follow(api, forged))


def test_a_position_survives() -> None:
    cursors = Cursors(b"k" * 32)
    position = Position("digest", "run", (None, -1, 2**63 - 1, "Été \U0001d538", ""))
    assert cursors.read(cursors.sign(position), "digest") == position


def test_the_run_list_has_cursors_of_its_own(api: Api) -> None:
    cursor = api.get("/v1/runs", limit=1).json()["meta"]["next_cursor"]
    assert api.get("/v1/runs", limit=1, cursor=cursor).status_code == 200
    assert_refused(api.get("/v1/runs", limit=2, cursor=cursor))
    assert_refused(api.get("/v1/runs", limit=1, cursor=cursor, sort="status"))
    assert_refused(api.get("/v1/runs", limit=1, cursor=cursor, fields="run_id"))


def test_what_a_uri_cannot_hold_is_escaped_in_links(api: Api) -> None:
    query = b'genre=drama&genre=\xc3\xa9>;rel=x"\\&fields=year&limit=1&year_from=1'
    status, body = api.raw("GET", PATH, query)
    links = json.loads(body)["links"]
    assert status == 200
    assert links["self"] == f"{PATH}?genre=drama&genre=%C3%A9%3E;rel=x%22%5C&fields=year&limit=1&year_from=1"
    assert links["next"].startswith(f"{links['self']}&cursor=")
    assert api.get(links["next"]).status_code == 200
