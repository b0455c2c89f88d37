"""Two workers over PostgreSQL: their answers, what they see of a publish, and its end under load."""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from app.database import transaction
from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.etl.sample import write_sample
from app.marts.catalog import publication_table, run_table
from app.serving.replica import place_of
from app.settings import Settings
from app.warehouse.base import LandedRun
from app.warehouse.mirror import read_contents
from app.warehouse.opening import open_warehouse
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.program import command
from tests.support.replicated import TABLES, rows
from tests.support.server import credentials, serving, token
from tests.support.waiting import wait_until

PATHS = (
    "/v1/aggregates/genres?limit=50",
    "/v1/aggregates/years?format=csv",
    "/v1/aggregates/production-companies?sort=-profit&limit=20",
    "/v1/aggregates/production-company-genres?genre=drama&limit=all&format=ndjson",
    "/v1/rankings/genres?year_from=2000",
    "/v1/dimensions/production-companies?search=pictures",
    "/v1/runs",
    "/v1/runs/current",
)
#: New connections in a row that must agree: with two workers, both are among them.
CONNECTIONS = 16
#: What a publish may take until it is seen: the second that is promised and the sync of a small mart, many
#: times over, for a machine that does other things as well.
SEEN_WITHIN_S = 8.0
READERS = 8


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


def publish(home: Path, delivery: Path, size: int, url: str | None = None) -> str:
    """Run a sample of so many rows, and return the id of the run."""
    write_sample(size, size, delivery)
    settings = Settings(home=home, warehouse_url=url, _env_file=None)
    return run_delivery(settings, str(delivery), RunOptions(allow_shrink=True)).run.run_id


@dataclass
class Api:
    """A server with two workers, and how to ask it."""

    url: str
    bearer: dict[str, str]
    home: Path
    warehouse: str

    def get(self, path: str) -> httpx.Response:
        """Ask on a connection of its own."""
        return httpx.get(f"{self.url}{path}", headers=self.bearer, timeout=30)

    def app(self, *arguments: str) -> Any:
        """Run a command that must end well, and return what it prints."""
        done = command(self.home, *arguments, "--json", APP_WAREHOUSE_URL=self.warehouse)
        assert done.status == 0, done.stderr
        return json.loads(done.stdout)

    def is_seen(self, run: str) -> bool:
        """Say whether every worker has a run published."""
        asked = (self.get("/readyz").json()["published"] for _ in range(CONNECTIONS))
        return all(published == run for published in asked)

    def age(self) -> int:
        """Return the age of an answer's data."""
        return int(self.get(PATHS[0]).headers["replica-age"])


@pytest.fixture
def api(postgres: PostgresServer, tmp_path: Path) -> Iterator[Api]:
    """One run is published."""
    url, home = postgres.create(), tmp_path / "home"
    publish(home, tmp_path / "one.csv", 3000, url)
    with serving(home, "--workers", "2", APP_WAREHOUSE_URL=url, APP_REPLICA_POLL="0.2") as server:
        bearer = {"Authorization": f"Bearer {token(server.url, credentials(home))}"}
        yield Api(server.url, bearer, home, url)


def test_publish_rollback_and_prune_are_seen_by_every_worker(api: Api, tmp_path: Path) -> None:
    first = api.get("/readyz").json()["published"]
    page = api.get("/v1/aggregates/genres?limit=5").json()["links"]["next"]
    write_sample(2000, 2, tmp_path / "two.csv")
    second = api.app("etl", "run", str(tmp_path / "two.csv"), "--allow-shrink")["run_id"]
    assert wait_until(lambda: api.is_seen(second), SEEN_WITHIN_S)
    assert api.get(page).json()["meta"]["run_id"] == first
    api.app("etl", "rollback")
    assert wait_until(lambda: api.is_seen(first), SEEN_WITHIN_S)
    api.app("etl", "publish", second)
    api.app("etl", "prune", "--keep", "1")
    assert wait_until(lambda: api.get(page).status_code == 409, SEEN_WITHIN_S)
    assert api.is_seen(second)
    assert api.get(f"/v1/runs/{first}").status_code == 409


@dataclass
class Seen:
    """What readers met."""

    statuses: Counter[int] = field(default_factory=Counter)
    ages: list[int] = field(default_factory=list)
    done: bool = False


async def _read(api: Api, seen: Seen) -> None:
    async with httpx.AsyncClient(base_url=api.url, headers=api.bearer, timeout=30) as client:
        for path in itertools.cycle(PATHS):
            if seen.done:
                return
            answer = await client.get(path)
            seen.statuses[answer.status_code] += 1
            seen.ages.append(int(answer.headers["replica-age"]))


async def _outage(api: Api, postgres: PostgresServer, seen: Seen) -> None:
    try:
        await asyncio.to_thread(postgres.stop)
        await asyncio.to_thread(wait_until, lambda: bool(seen.ages) and seen.ages[-1] >= 3, 20)
        replica = (await asyncio.to_thread(api.get, "/readyz")).json()["replica"]
        assert (replica["status"], replica["error"]) == ("stale", "the warehouse cannot be read")
        await asyncio.to_thread(postgres.start)
        await asyncio.to_thread(wait_until, lambda: seen.ages[-1] <= 1, 20)
    finally:
        seen.done = True


async def _under_load(api: Api, postgres: PostgresServer, seen: Seen) -> None:
    await asyncio.gather(_outage(api, postgres, seen), *(_read(api, seen) for _ in range(READERS)))


def test_postgres_stopped_under_load_and_started_again(
    api: Api, postgres: PostgresServer, tmp_path: Path
) -> None:
    seen = Seen()
    asyncio.run(_under_load(api, postgres, seen))
    assert set(seen.statuses) == {200}
    assert seen.statuses[200] > 100
    assert max(seen.ages) >= 3
    assert seen.ages[-1] <= 1
    second = publish(api.home, tmp_path / "two.csv", 2000, api.warehouse)
    assert wait_until(lambda: api.is_seen(second), SEEN_WITHIN_S)


def test_a_server_that_starts_while_the_warehouse_is_down_serves_what_it_has(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url, home, new = postgres.create(), tmp_path / "home", tmp_path / "new"
    settings = {"APP_WAREHOUSE_URL": url, "APP_REPLICA_POLL": "0.2"}
    publish(home, tmp_path / "one.csv", 2000, url)
    with serving(home, **settings) as server:
        run = httpx.get(f"{server.url}/readyz").json()["published"]
    new.mkdir()
    postgres.stop()
    try:
        with serving(home, **settings) as server:
            ready = httpx.get(f"{server.url}/readyz").json()
            assert (ready["published"], ready["replica"]["run"]) == (run, run)
        with serving(new, **settings) as server:
            ready = httpx.get(f"{server.url}/readyz").json()
            assert (ready["published"], ready["replica"]["status"]) == (None, "empty")
            assert wait_until(lambda: "warehouse cannot be read" in _error(server.url), 15)
            postgres.start()
            assert wait_until(lambda: httpx.get(f"{server.url}/readyz").json()["published"] == run, 15)
    finally:
        postgres.stop()
        postgres.start()
    for name in ("serve.log", "replica"):
        for file in [new / name, *(new / name).rglob("*")]:
            assert not file.is_file() or b"correct-horse-battery" not in file.read_bytes()


def _error(url: str) -> str:
    return str(httpx.get(f"{url}/readyz").json()["replica"]["error"])


def test_answers_are_those_of_the_embedded_default_byte_by_byte(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    home, other, url = tmp_path / "embedded", tmp_path / "replicated", postgres.create()
    for count in (2000, 3000):
        publish(home, tmp_path / f"{count}.csv", count)
    _load_everything(home, url)
    other.mkdir()
    accounts = f"sqlite:///{home / 'accounts.sqlite'}"
    began = time.monotonic()
    with (
        serving(home, APP_DATABASE_URL=accounts) as embedded,
        serving(other, APP_DATABASE_URL=accounts, APP_WAREHOUSE_URL=url) as replicated,
    ):
        assert time.monotonic() - began < 30
        bearer = {"Authorization": f"Bearer {token(embedded.url, credentials(home))}"}
        for path in PATHS:
            wanted, found = (
                httpx.get(f"{server.url}{path}", headers=bearer, timeout=30)
                for server in (embedded, replicated)
            )
            assert wanted.status_code == found.status_code == 200
            assert found.content == wanted.content
            assert found.headers.get("etag") == wanted.headers.get("etag")
            assert found.headers["run-id"] == wanted.headers["run-id"]
    tables = (*TABLES, "leader")
    held = rows(place_of(other, url).store, *tables)
    assert held == rows(home / "warehouse.sqlite", *tables)
    assert held["leader"]


def _load_everything(home: Path, url: str) -> None:
    """Give PostgreSQL the runs of an embedded warehouse, with its catalogue as it is."""
    embedded, target = open_warehouse(f"sqlite:///{home / 'warehouse.sqlite'}"), open_warehouse(url)
    with embedded.engine.connect() as connection:
        contents = read_contents(connection)
    with transaction(target.engine) as connection:
        connection.execute(insert(run_table), list(contents.runs))
        connection.execute(insert(publication_table), list(contents.publications))
        for run in contents.runs:
            folder = Path(run["location"])
            landed = LandedRun(
                run["run_id"],
                run["tables"],
                file=lambda name, folder=folder: folder / f"{name}.parquet",  # type: ignore[misc] # a default
                url=str,
            )
            target.load(connection, run["seq"], landed)
