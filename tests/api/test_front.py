"""Both ways to a listing, the shortcut and FastAPI's route, answer alike; what is remembered goes stale."""

import asyncio
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from app.auth.clients import revoke_client
from app.database import open_engine
from app.main import close, create_app
from app.ops.access_log import AccessLog
from app.serving import export
from app.settings import Settings
from tests.api.conftest import FIRST, HELD, SECOND
from tests.support.asgi import ask
from tests.support.http import Api, authorized
from tests.support.movies import LATER, MOVIES
from tests.support.world import World

PATH = "/v1/aggregates/genres"
#: The same path to a server, but no plain spelling: only FastAPI's router takes it.
ESCAPED = "/v1/aggregates/%67enres"
OF_ONE_REQUEST = {"x-request-id", "date"}


def shown(answer: httpx.Response) -> tuple[int, dict[str, str], Any]:
    """Return what must be alike, but for the path as it was sent."""
    headers = {name: value for name, value in answer.headers.items() if name not in OF_ONE_REQUEST}
    headers = {
        name: value.replace(ESCAPED, PATH) for name, value in headers.items() if name != "content-length"
    }
    body = answer.json() if answer.content else None
    if isinstance(body, dict):
        body.pop("request_id", None)
        body = httpx.Response(200, text=str(body).replace(ESCAPED, PATH)).text
    return answer.status_code, headers, body


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?limit=3",
        "?limit=2&sort=-revenue&fields=genre,revenue",
        f"?run={FIRST}&year=1995",
        f"?run={SECOND}",
        "?genre=nothing",
        "?limit=0&nonsense=1",
        "?limit=1&limit=2",
        "?cursor=made-up",
        "?format=xml",
        "?run=unknown",
        f"?run={HELD}",
        "?access_token=x",
        "?genre=%ff",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_both_ways_answer_alike(api: Api, method: str, query: str) -> None:
    direct, routed = (api.request(method, path + query) for path in (PATH, ESCAPED))
    assert shown(direct) == shown(routed)
    assert direct.headers["x-request-id"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": None},
        {"Authorization": "Bearer x.y.z"},
        {"Authorization": "Basic YTpi"},
        {"Accept": "image/png"},
        {"Accept-Encoding": "gzip"},
        {"If-None-Match": "*"},
        {"If-None-Match": '"other"'},
    ],
)
def test_both_ways_read_headers_alike(api: Api, headers: dict[str, str | None]) -> None:
    direct, routed = (api.request("GET", path, headers=headers) for path in (PATH, ESCAPED))
    assert shown(direct) == shown(routed)


def test_both_ways_count_where_answers_come_from(fresh: tuple[Api, World]) -> None:
    api, world = fresh
    world.add(FIRST, MOVIES)
    world.publish(FIRST)
    for path in (PATH, PATH, ESCAPED, ESCAPED):
        assert api.get(path).status_code == 200
    shown = api.get("/metrics").text
    assert 'answer_cache_requests_total{result="miss"} 2\n' in shown
    assert 'answer_cache_requests_total{result="hit"} 2\n' in shown


def test_both_ways_tell_the_log_which_run_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[tuple[Any, ...]] = []
    monkeypatch.setattr(AccessLog, "write", lambda _, *line: lines.append(line))
    settings = Settings(home=tmp_path, rate_limit="off", _env_file=None)
    app = create_app(settings)
    api, world = authorized(app), World(open_engine(settings.warehouse))
    world.add(FIRST, MOVIES)
    world.publish(FIRST)
    lines.clear()
    for path in (PATH, ESCAPED, "/v1/runs/current"):
        assert api.get(path).headers["run-id"] == FIRST
    api.runner.close()
    close(app)
    assert [line[-1] for line in lines] == [FIRST] * 3
    assert [line[-3] for line in lines] == [len(world.rows("genre_year"))] * 2 + [1]
    assert {line[3] for line in lines} == {app.state.auth.verifier.verify(api.token).jti}


def test_the_log_knows_how_many_rows_of_a_file_were_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[tuple[Any, ...]] = []
    monkeypatch.setattr(AccessLog, "write", lambda _, *line: lines.append(line))
    monkeypatch.setattr(export, "ROWS", 3)
    settings = Settings(home=tmp_path, rate_limit="off", _env_file=None)
    app = create_app(settings)
    api, world = authorized(app), World(open_engine(settings.warehouse))
    world.add(FIRST, MOVIES)
    world.publish(FIRST)
    lines.clear()
    whole, file = f"{PATH}?limit=all&format=csv", "/v1/aggregates/years?limit=all&format=csv"
    assert ask(api, whole).ended
    monkeypatch.setattr(export, "SMALL_BYTES", 0)
    assert ask(api, file).ended
    assert not ask(api, f"{file}&sort=-year", at_part=lambda number: number < 2).error
    assert ask(api, whole, {"if-none-match": "*"}).status == 304
    assert ask(api, f"{PATH}?limit=x").status == 400
    api.runner.close()
    close(app)
    genres, years = len(world.rows("genre_year")), len(world.rows("year"))
    assert [line[-3] for line in lines] == [genres, years, ANY, None, None]
    assert 0 < lines[2][-3] <= years


def test_an_answer_given_again_is_the_same(api: Api) -> None:
    first, again = api.get(PATH, limit=7), api.get(PATH, limit=7)
    assert first.content == again.content
    assert first.headers["etag"] == again.headers["etag"]
    assert first.headers["x-request-id"] != again.headers["x-request-id"]


def test_an_encoding_has_its_own_body_and_tag(api: Api) -> None:
    plain = api.get(PATH, headers={"Accept-Encoding": "identity"})
    packed = api.get(PATH, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert plain.content == packed.content, "httpx has unpacked it"
    assert plain.headers["etag"] != packed.headers["etag"]
    stale = {"Accept-Encoding": "gzip", "If-None-Match": plain.headers["etag"]}
    assert api.get(PATH, headers=stale).status_code == 200


def test_nothing_remembered_outlives_a_publish_or_a_prune(fresh: tuple[Api, World]) -> None:
    api, world = fresh
    for run, movies in ((FIRST, MOVIES), (SECOND, LATER)):
        world.add(run, movies)
        world.publish(run)
    world.publish(FIRST)
    for _ in range(2):
        assert api.rows(PATH, limit=50) == world.rows("genre_year", FIRST)
        assert api.rows(PATH, run=SECOND, limit=50) == world.rows("genre_year", SECOND)
    world.publish(SECOND)
    assert api.rows(PATH, limit=50) == world.rows("genre_year", SECOND)
    assert api.rows(PATH, run=FIRST, limit=50) == world.rows("genre_year", FIRST)
    world.prune(FIRST)
    assert api.get(PATH, run=FIRST, limit=50).status_code == 409


def test_a_revoked_client_gets_no_remembered_answer(fresh: tuple[Api, World]) -> None:
    api, world = fresh
    world.add(FIRST, MOVIES)
    world.publish(FIRST)
    assert api.get(PATH).status_code == 200
    auth = api.app.state.auth
    claims = auth.verifier.verify(api.token)
    revoke_client(auth.engine, claims.client_id)
    auth.watcher.refresh()
    assert api.get(PATH).status_code == 401


def test_a_stampede_reads_the_store_once(fresh: tuple[Api, World], monkeypatch: pytest.MonkeyPatch) -> None:
    api, world = fresh
    world.add(FIRST, MOVIES)
    world.publish(FIRST)
    store, read, calls = api.app.state.store, api.app.state.store.read, list[int]()

    async def slowly(question: Any, **options: Any) -> Any:
        calls.append(1)
        await asyncio.sleep(0.05)
        return await read(question, **options)

    monkeypatch.setattr(store, "read", slowly)

    async def stampede() -> list[httpx.Response]:
        transport = httpx.ASGITransport(api.app)
        headers = {"Authorization": f"Bearer {api.token}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://api.test", headers=headers
        ) as client:
            return list(await asyncio.gather(*(client.get(f"{PATH}?limit=9") for _ in range(200))))

    answers = api.runner.run(stampede())
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(calls) == 1
