"""The application over a replica: the same answers as over the warehouse itself, and how old they are."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
from fastapi import FastAPI

from app import main
from app.main import close, create_app
from app.routers.refusals import Refusals
from app.server.limits import Limits
from app.serving.replica import Status, freshness, place_of
from app.serving.replica.follow import Follower
from app.serving.replica.status import read_status
from app.settings import Settings
from app.warehouse.opening import SERVING, WAREHOUSES
from tests.api.conftest import FIRST, HELD, SECOND
from tests.api.test_operations import scrape
from tests.support.http import Api, authorized
from tests.support.movies import LATER, MOVIES
from tests.support.program import environment
from tests.support.replicated import Replicated, elsewhere
from tests.support.wire import Wire, request, running

PATHS = (
    "/v1/aggregates/genres?limit=7",
    "/v1/aggregates/production-companies?sort=-profit&limit=5&format=csv",
    "/v1/aggregates/production-company-genres?genre=drama",
    "/v1/rankings/genres?top=3",
    "/v1/dimensions/production-companies?search=twin",
    f"/v1/aggregates/years?run={SECOND}",
    "/v1/aggregates/years?format=parquet&limit=all",
    "/v1/runs",
    "/v1/runs/current",
    f"/v1/runs/{FIRST}/changes?since={SECOND}",
    f"/v1/runs/{HELD}/changes?since={FIRST}",
)
OF_ONE_REQUEST = {"x-request-id", "replica-age"}


@dataclass
class Served:
    """The application over a replica, and what it is of."""

    pair: Replicated
    app: FastAPI
    api: Api

    def sync(self) -> None:
        """Look at the warehouse once."""
        assert Follower(self.pair.place, self.pair.url).look()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Nothing is copied yet."""
    pair = elsewhere(tmp_path)
    for run, movies in ((FIRST, MOVIES), (SECOND, LATER), (HELD, MOVIES[:2])):
        pair.world.add(run, movies)
    pair.publish(SECOND)
    pair.publish(FIRST)
    monkeypatch.setattr(main, "serves", lambda _: False)
    monkeypatch.setattr(freshness, "LOOK_EVERY_S", 0.0)
    app = create_app(settings(pair, pair.home))
    app.add_middleware(Refusals)
    made = Served(pair, app, authorized(app))
    yield made
    made.api.runner.close()
    close(app)


def settings(pair: Replicated, home: Path) -> Settings:
    """Return the settings of an application of some home; cursors of all are signed with one key."""
    accounts = f"sqlite:///{pair.home / 'accounts.sqlite'}"
    return Settings(
        home=home,
        warehouse_url=pair.url,
        database_url=accounts,
        rate_limit="off",
        access_log="off",
        cors_origins="https://app.example.org",
        _env_file=None,
    )


def told(served: Served, **columns: Any) -> None:
    """Change what is said of the replica."""
    status = read_status(served.pair.place.status)
    assert status is not None
    replace(status, **columns).write(served.pair.place.status)


def alike(api: Api, path: str) -> tuple[int, dict[str, str], bytes]:
    answer = api.get(path)
    headers = {name: value for name, value in answer.headers.items() if name not in OF_ONE_REQUEST}
    return answer.status_code, headers, answer.content


def test_bytes_and_tags_are_those_of_the_warehouse_read_itself(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.sync()
    monkeypatch.undo()
    app = create_app(settings(served.pair, tmp_path / "other"))
    direct = authorized(app)
    for path in PATHS:
        wanted = alike(direct, path)
        assert wanted[0] == 200, wanted
        assert alike(served.api, path) == wanted
        assert "replica-age" not in direct.get(path).headers
        assert served.api.get(path).headers["replica-age"] == "0"
    direct.runner.close()
    close(app)


def test_the_age_is_a_header_of_every_answer_from_a_run_and_never_kept_with_it(served: Served) -> None:
    served.sync()
    path, bearer = PATHS[0], f"Authorization: Bearer {served.api.token}"
    first = served.api.get(path)
    with running(served.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as wire:
        for age in (0, 5, 3600):
            status = read_status(served.pair.place.status) or Status()
            told(served, confirmed_at=(status.synced_at or 0) - age)
            answers = [wire.send(request(path, bearer)).answer() for _ in range(2)]
            tag = f"If-None-Match: {answers[0].headers['etag']}"
            unchanged = wire.send(request(path, bearer, tag)).answer()
            for answer in (*answers, unchanged):
                assert age <= int(answer.headers["replica-age"]) < age + 30
            assert [answer.body for answer in answers] == [first.content] * 2
            assert unchanged.status == 304
        for other in ("/healthz", "/readyz", "/metrics", "/v1/nowhere"):
            assert "replica-age" not in served.api.get(other).headers
    crossing = served.api.get(path, headers={"Origin": "https://app.example.org"})
    assert "Replica-Age" in crossing.headers["access-control-expose-headers"]


def test_ready_once_the_warehouse_was_asked_and_not_before(served: Served) -> None:
    api = served.api
    for path in ("/readyz", PATHS[0]):
        answer = api.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    served.pair.place.folder.mkdir(parents=True)
    Status(error="the warehouse cannot be read", failures=1).write(served.pair.place.status)
    empty = {"status": "empty", "age_s": None, "synced_at": None, "run": None}
    assert api.get("/readyz").json() == {
        "status": "ready",
        "published": None,
        "replica": {**empty, "error": "the warehouse cannot be read"},
    }
    refused = api.get(PATHS[0])
    assert refused.status_code == 503
    assert refused.json()["detail"] == "The warehouse could not be read so far."
    assert "replica-age" not in refused.headers
    served.sync()
    ready = api.get("/readyz").json()
    assert ready["published"] == FIRST
    assert ready["replica"].pop("synced_at").endswith("Z")
    assert ready["replica"] == {"status": "current", "age_s": 0, "run": FIRST, "error": None}
    assert api.get(PATHS[0]).status_code == 200


def test_a_warehouse_that_is_down_changes_no_status(served: Served) -> None:
    served.sync()
    told(served, confirmed_at=1.0, error="the warehouse cannot be read", failures=7)
    ready = served.api.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["replica"]["status"] == "stale"
    assert ready.json()["replica"]["age_s"] > 1_000_000_000
    answer = served.api.get(PATHS[0])
    assert answer.status_code == 200
    assert int(answer.headers["replica-age"]) > 1_000_000_000


def test_a_pruned_run_is_a_409_on_its_pages(served: Served) -> None:
    served.sync()
    page = served.api.get(f"/v1/aggregates/genres?run={SECOND}&limit=2").json()["links"]["next"]
    assert served.api.get(page).status_code == 200
    served.pair.prune(SECOND)
    served.sync()
    for path in (page, f"/v1/aggregates/years?run={SECOND}", f"/v1/runs/{SECOND}"):
        assert served.api.get(path).status_code == 409
    assert served.api.get(PATHS[0]).status_code == 200


def test_metrics(served: Served) -> None:
    none = frozenset[tuple[str, str]]()
    assert not [key for key in scrape(served.api) if key[0].startswith("replica_")]
    served.sync()
    told(served, failures=3, seconds=1.5)
    samples = scrape(served.api)
    assert samples["replica_age_seconds", none] == 0
    assert samples["replica_runs", none] == 3
    assert samples["replica_sync_seconds", none] == 1.5
    assert samples["replica_syncs_total", frozenset({("result", "done")})] == 1
    assert samples["replica_syncs_total", frozenset({("result", "failed")})] == 3
    assert samples["published_run_info", frozenset({("run_id", FIRST)})] == 1


#: Makes the application over a warehouse that is not there, and prints which packages that took.
LAZY = """
import sys
from app.main import create_app
create_app()
print(*{name.split(".")[0] for name in sys.modules})
"""


def test_neither_a_driver_nor_an_engine_is_loaded_where_requests_are_answered(tmp_path: Path) -> None:
    url = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"
    done = subprocess.run(
        [sys.executable, "-c", LAZY],
        env=environment(tmp_path, APP_WAREHOUSE_URL=url),
        check=True,
        capture_output=True,
        text=True,
    )
    assert not {"polars", "psycopg", "psycopg2", "snowflake", "pyarrow"} & set(done.stdout.split())


def test_what_the_api_reads_itself_is_what_warehouses_say() -> None:
    serving = {name for name, where in WAREHOUSES.items() if resolve_name(where).capabilities.serves}
    assert serving == SERVING


def test_a_password_changes_no_place() -> None:
    one, other, third = (
        place_of(Path("/srv"), f"postgresql://{who}@db/marts") for who in ("a:old", "a:new", "b")
    )
    assert one == other != third
    assert "old" not in str(one.folder)
