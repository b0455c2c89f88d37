"""RateLimit headers (draft-ietf-httpapi-ratelimit-headers-11) on every answer to a good token."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.auth.clients import limit_client
from app.server.limits import Limits
from tests.api.test_at_once import PATH, Served
from tests.support.http import Api, authorized
from tests.support.program import command
from tests.support.server import credentials, serving, token
from tests.support.waiting import wait_until
from tests.support.wire import Wire, running

SLOW = "/v1/runs"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path, rate_limit="20/hour", access_log="off")
    yield served
    served.close()


def left(answer: httpx.Response) -> int:
    """Return what an answer says is left of twenty."""
    assert answer.headers["ratelimit-policy"] == '"client";q=20;w=3600'
    found = re.fullmatch(r'"client";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
    assert found
    return int(found[1])


def test_every_answer_to_a_good_token_says_what_is_left(served: Served) -> None:
    api = served.api
    tag = api.get(PATH).headers["etag"]
    lacking = authorized(served.app, "runs:read", runner=api.runner)
    answers = [
        api.get(PATH),
        api.get(PATH, headers={"If-None-Match": tag}),
        api.get(PATH, nonsense=1),
        api.get(PATH, run="20200101T000000Z-unknown"),
        api.get(PATH, headers={"Accept": "image/png"}),
        api.request("HEAD", PATH),
        api.get(SLOW),
        api.get("/v1/runs/nowhere"),
        api.get("/v1/aggregates/years?format=csv&limit=all"),
    ]
    assert [answer.status_code for answer in answers] == [200, 304, 400, 404, 406, 200, 200, 404, 200]
    assert [left(answer) for answer in answers] == list(range(18, 9, -1))
    refused = lacking.get(PATH)
    assert (refused.status_code, left(refused)) == (403, 19)


def test_one_too_many_reads_the_same_in_both_headers(served: Served) -> None:
    for _ in range(20):
        last = served.api.get(PATH)
    assert left(last) == 0
    for path in (PATH, SLOW):
        refused = served.api.get(path)
        assert (refused.status_code, left(refused)) == (429, 0)
        assert refused.headers["ratelimit"].endswith(f";t={refused.headers['retry-after']}")


def test_without_a_good_token_nothing_is_told(served: Served) -> None:
    for headers in ({"Authorization": None}, {"Authorization": "Bearer x.y.z"}):
        answer = served.api.get(PATH, headers=headers)
        assert answer.status_code == 401
        assert not [name for name in answer.headers if name.startswith("ratelimit")]
    assert "ratelimit" not in served.api.get("/healthz").headers


def test_an_answer_from_memory_has_the_numbers_of_who_asks(served: Served) -> None:
    other = authorized(served.app, runner=served.api.runner)
    with running(served.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as wire:
        mine = [wire.send(served.request()).answer().headers for _ in range(3)]
        served.api.token = other.token
        others = [wire.send(served.request()).answer().headers for _ in range(2)]
    assert [headers["ratelimit"].partition(";t=")[0] for headers in (*mine, *others)] == [
        f'"client";r={number}' for number in (19, 18, 17, 19, 18)
    ]
    assert {headers["ratelimit-policy"] for headers in (*mine, *others)} == {'"client";q=20;w=3600'}
    assert mine[0]["etag"] == others[0]["etag"]


def test_where_nothing_is_limited_nothing_is_told(api: Api) -> None:
    assert "ratelimit" not in api.get(PATH).headers


def test_a_rate_of_its_own_reaches_a_running_server_within_a_second(tmp_path: Path) -> None:
    with serving(tmp_path, APP_RATE_LIMIT="1000/hour") as server:
        client = credentials(tmp_path)
        headers = {"Authorization": f"Bearer {token(server.url, client)}"}

        def policy() -> str | None:
            told: str | None = httpx.get(server.url + SLOW, headers=headers).headers.get("ratelimit-policy")
            return told

        assert policy() == '"client";q=1000;w=3600'
        for given, expected in (
            ("2/second", '"client";q=2;w=1'),
            ("off", None),
            ("default", '"client";q=1000;w=3600'),
        ):
            assert command(tmp_path, "clients", "limit", client[0], given).status == 0
            assert wait_until(lambda expected=expected: policy() == expected, 1), given  # type: ignore[misc] # bound now


def test_a_rate_that_was_written_by_hand_and_is_none_is_left_aside(served: Served) -> None:
    auth = served.app.state.auth
    client_id = auth.verifier.verify(served.api.token).client_id
    limit_client(auth.engine, client_id, "3/minute")
    auth.watcher.refresh()
    assert served.api.get(PATH).headers["ratelimit-policy"] == '"client";q=3;w=60'
    with auth.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE client SET rate_limit = 'plenty'")
    auth.watcher.refresh()
    assert left(served.api.get(PATH)) > 0
