"""Rate limits as clients meet them: a problem that says when to come back, and one limit for all workers."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from app.database import open_engine
from app.main import close, create_app
from app.settings import Settings
from tests.api.conftest import FIRST
from tests.support.http import Api, authorized
from tests.support.movies import MOVIES
from tests.support.server import credentials, serving, token
from tests.support.world import World

HOT, SLOW = "/v1/aggregates/years", "/v1/runs"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """An application that lets each client ask three times a minute."""
    settings = Settings(home=tmp_path, rate_limit="3/minute", access_log="off", _env_file=None)
    app = create_app(settings)
    world = World(open_engine(settings.warehouse))
    world.add(FIRST, MOVIES)
    world.publish(FIRST)
    api = authorized(app)
    yield api
    api.runner.close()
    close(app)


def test_one_too_many_is_told_when_to_come_back(api: Api) -> None:
    assert [api.get(path).status_code for path in (HOT, SLOW, HOT)] == [200] * 3
    for path in (HOT, SLOW):
        refused = api.get(path)
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["cache-control"] == "no-store"
        assert 1 <= int(refused.headers["retry-after"]) <= 20
        assert refused.json()["status"] == 429
        assert "3/minute" in refused.json()["detail"]


def test_each_client_has_its_own_limit(api: Api) -> None:
    other = authorized(api.app, runner=api.runner)
    for client in (api, other):
        assert [client.get(HOT).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_two_tokens_of_one_client_share_its_limit(tmp_path: Path) -> None:
    with serving(tmp_path, APP_RATE_LIMIT="2/hour") as server:
        client = credentials(tmp_path)
        tokens = [token(server.url, client) for _ in range(3)]
        answers = [
            httpx.get(server.url + SLOW, headers={"Authorization": f"Bearer {bearer}"}) for bearer in tokens
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 429]


def test_what_is_refused_otherwise_or_needs_no_token_is_not_limited(api: Api) -> None:
    for _ in range(5):
        assert api.get(HOT, headers={"Authorization": None}).status_code == 401
        assert api.get("/healthz").status_code == 200
    assert api.get(HOT).status_code == 200


def test_a_copy_that_is_current_and_a_wrong_parameter_count_too(api: Api) -> None:
    tag = api.get(HOT).headers["etag"]
    assert api.get(HOT, headers={"If-None-Match": tag}).status_code == 304
    assert api.get(HOT, nonsense=1).status_code == 400
    assert api.get(HOT, nonsense=1).status_code == 429


def test_workers_have_one_limit(tmp_path: Path) -> None:
    a_connection_each = httpx.Limits(max_keepalive_connections=0)  # so that either worker may answer
    with (
        serving(tmp_path, "--workers", "2", APP_RATE_LIMIT="40/hour") as server,
        httpx.Client(base_url=server.url, limits=a_connection_each) as client,
        ThreadPoolExecutor(8) as threads,
    ):
        client.headers["Authorization"] = f"Bearer {token(server.url, credentials(tmp_path))}"
        statuses = Counter(threads.map(lambda _: client.get(SLOW).status_code, range(100)))
    assert statuses == {200: 40, 429: 60}
