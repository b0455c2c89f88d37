"""Clients of different restrictions share nothing: no body in memory, no computation, no tag, no cursor."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.auth.clients import restrict_client
from app.database import open_engine
from app.main import close, create_app
from app.marts.restrictions import Restrictions
from app.server.limits import Limits
from app.settings import Settings
from tests.api.conftest import FIRST, SECOND, application
from tests.support.http import Api, authorized
from tests.support.movies import LATER, MOVIES
from tests.support.restricted import Allowed, restrict, restricted
from tests.support.waiting import wait_until
from tests.support.wire import Wire, request, running
from tests.support.world import World

PATH = "/v1/aggregates/genres"
CHANGES = f"/v1/runs/{SECOND}/changes?since={FIRST}"
DRAMA: dict[str, list[Any]] = {"genre": [18]}
COMEDY: dict[str, list[Any]] = {"genre": [35]}
#: Another restriction that shows a client the very rows it would see without.
ALL_GENRES: dict[str, list[Any]] = {"genre": [5, 7, 18, 35, 99, 878]}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Api]:
    """An application whose memory no other test fills; FIRST is published."""
    app = application(tmp_path)
    world = World(open_engine(Settings(home=tmp_path, _env_file=None).warehouse))
    for run, movies in ((SECOND, LATER), (FIRST, MOVIES)):
        world.add(run, movies)
        world.publish(run)
    api = authorized(app)
    yield api
    api.runner.close()
    close(app)


def genres(answer: httpx.Response) -> set[int]:
    assert answer.status_code == 200, answer.text
    return {row["genre_id"] for row in answer.json()["data"]}


@pytest.mark.parametrize("path", [PATH, f"{PATH}?limit=all&format=ndjson", f"{PATH}?run={SECOND}"])
def test_no_finished_answer_is_shared(served: Api, path: str) -> None:
    clients = [served, *(restricted(served, document) for document in (DRAMA, COMEDY, ALL_GENRES))]
    for _ in range(2):
        answers = [client.get(path) for client in clients]
        assert len({answer.headers["etag"] for answer in answers}) == len(clients)
        for answer, document in zip(answers, ({}, DRAMA, COMEDY, ALL_GENRES), strict=True):
            expected = Allowed(document).rows("genre_year", LATER if "run=" in path else MOVIES)
            rows = answer.text.count('"genre_id":')
            assert rows == min(len(expected), 100)
    shown = served.get("/metrics").text
    assert f'answer_cache_requests_total{{result="miss"}} {len(clients)}\n' in shown
    assert f'answer_cache_requests_total{{result="hit"}} {len(clients)}\n' in shown


def test_clients_of_the_same_restrictions_share_answers(served: Api) -> None:
    first, second = restricted(served, {"genre": [18, 35]}), restricted(served, {"genre": [35, 18]})
    assert first.get(PATH).headers["etag"] == second.get(PATH).headers["etag"]
    assert 'answer_cache_requests_total{result="hit"} 1\n' in served.get("/metrics").text


@pytest.mark.parametrize(
    "path",
    [PATH, f"{PATH}?limit=all&format=csv", "/v1/runs", "/v1/runs/current", f"/v1/runs/{FIRST}", CHANGES],
)
def test_a_tag_is_good_for_its_own_restrictions_alone(served: Api, path: str) -> None:
    clients = [served, *(restricted(served, document) for document in (DRAMA, COMEDY, ALL_GENRES))]
    tags = [client.get(path).headers["etag"] for client in clients]
    for client in clients:
        found = [client.get(path, headers={"If-None-Match": tag}).status_code for tag in tags]
        assert found.count(304) == 1
        assert found[clients.index(client)] == 304


@pytest.mark.parametrize("path", [f"{PATH}?limit=2", f"{CHANGES}&limit=1", "/v1/runs?limit=1&fields=run_id"])
def test_a_cursor_is_not_carried_over(served: Api, path: str) -> None:
    clients = [served, *(restricted(served, document) for document in (DRAMA, COMEDY, ALL_GENRES))]
    following = [client.get(path).json()["links"]["next"] for client in clients]
    assert all(following)
    for client in clients:
        found = [client.get(link).status_code for link in following]
        assert found.count(400) == 3
        assert found[clients.index(client)] == 200
    cursor = following[0].partition("cursor=")[2]
    answer = clients[1].get(path + "&cursor=" + cursor)
    assert [error["parameter"] for error in answer.json()["errors"]] == ["cursor"]


def test_an_export_does_not_begin_at_the_cursor_of_another(served: Api) -> None:
    cursor = served.get(PATH, limit=2).json()["meta"]["next_cursor"]
    limited = restricted(served, DRAMA)
    assert limited.get(PATH, limit="all", format="ndjson", cursor=cursor).status_code == 400


def test_nobody_joins_a_computation_for_another(served: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    limited = restricted(served, DRAMA)
    store, read, calls = served.app.state.store, served.app.state.store.read, list[int]()

    async def slowly(question: Any, **options: Any) -> Any:
        calls.append(1)
        await asyncio.sleep(0.05)
        return await read(question, **options)

    monkeypatch.setattr(store, "read", slowly)

    async def together() -> list[httpx.Response]:
        transport = httpx.ASGITransport(served.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
            tokens = [served.token, limited.token] * 4
            bearers = [{"Authorization": f"Bearer {token}"} for token in tokens]
            return list(await asyncio.gather(*(client.get(PATH, headers=bearer) for bearer in bearers)))

    answers = served.runner.run(together())
    assert [genres(answer) == {18} for answer in answers] == [False, True] * 4
    assert len(calls) == 2


def test_a_change_reaches_a_token_that_is_known(served: Api) -> None:
    limited = restricted(served, DRAMA)
    for document, seen in ((DRAMA, {18}), (COMEDY, {35}), (None, {*ALL_GENRES["genre"]}), (DRAMA, {18})):
        restrict(limited, document)
        for _ in range(2):
            assert genres(limited.get(PATH)) == seen
        assert genres(served.get(PATH)) == {*ALL_GENRES["genre"]}


def test_over_sockets_what_is_sent_at_once_is_within(tmp_path: Path, made_at_once: list[bool]) -> None:
    """A change made by another process is seen within a second, without a request that waits for it."""
    settings = Settings(home=tmp_path, rate_limit="off", access_log="off", _env_file=None)
    app = create_app(settings)
    world = World(open_engine(settings.warehouse))
    world.add(FIRST, MOVIES)
    world.publish(FIRST)
    whole = authorized(app)
    limited = restricted(whole, DRAMA)
    client_id = app.state.auth.verifier.verify(limited.token).client_id
    with running(app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as wire:

        def rows(api: Api) -> int:
            return (
                wire.send(request(PATH, f"Authorization: Bearer {api.token}"))
                .answer()
                .body.count(b"genre_slug")
            )

        expected = {
            name: len(Allowed(document).rows("genre_year", MOVIES))
            for name, document in (("whole", {}), ("drama", DRAMA), ("comedy", COMEDY))
        }
        for _ in range(3):
            assert (rows(whole), rows(limited)) == (expected["whole"], expected["drama"])
        assert made_at_once.count(True) >= 4
        refused = request("/v1/aggregates/years", f"Authorization: Bearer {limited.token}")
        assert wire.send(refused).answer().status == 403
        restrict_client(app.state.auth.engine, client_id, Restrictions.of(COMEDY))
        assert wait_until(lambda: rows(limited) == expected["comedy"], 1)
        assert rows(whole) == expected["whole"]
    whole.runner.close()
    close(app)
