"""Marts that are read in the warehouse itself: a real PostgreSQL, and the same answers to the last byte."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from psycopg import sql
from sqlalchemy import insert, select, text

from app.database import open_engine, transaction, upgrade
from app.main import close, create_app
from app.marts.catalog import publication_table, run_table
from app.marts.tables import MART_TABLES, RUN_TABLES, Scaled, landed_columns
from app.serving.replica import place_of
from app.serving.replica.follow import Follower
from app.settings import Settings
from app.warehouse.base import LandedRun, Warehouse
from app.warehouse.opening import open_warehouse
from app.warehouse.publish import prune, publish
from app.warehouse.runs import find
from tests.api.conftest import FIRST, HELD, SECOND
from tests.support.asked import questions
from tests.support.http import Api, authorized
from tests.support.postgres import PostgresServer
from tests.support.world import World

OF_ONE_REQUEST = {"x-request-id", "replica-age", "ratelimit", "ratelimit-policy"}


@dataclass
class Direct:
    """The application over a warehouse in PostgreSQL, of which it copies nothing but names."""

    api: Api
    url: str
    home: Path
    warehouse: Warehouse

    def look(self) -> None:
        """Look at the catalogue once, as the process beside the application does."""
        assert Follower(place_of(self.home, self.url, marts=False), self.url).look()


@pytest.fixture(scope="module")
def copied(shared: tuple[Api, World], postgres: PostgresServer, tmp_path_factory: Any) -> str:
    """The URL of a warehouse with the same runs as the embedded one of ``shared``."""
    url = english(postgres)
    copy(shared[1], open_warehouse(url), tmp_path_factory.mktemp("landed"))
    return url


def english(server: PostgresServer) -> str:
    """Create a database that sorts text as English does, unless it is told otherwise, and migrate it."""
    server.ask(
        sql.SQL(
            "CREATE DATABASE english TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'"
        )
    )
    upgrade(open_engine(server.url("english")), "warehouse")
    return server.url("english")


def copy(world: World, warehouse: Warehouse, folder: Path) -> None:
    """Load what one warehouse has into another, by way of landed files."""
    with world.engine.connect() as source, transaction(warehouse.engine) as target:
        for run in source.execute(select(run_table)).mappings().all():
            target.execute(insert(run_table).values(**run))
            landed = folder / str(run["seq"])
            landed.mkdir()
            for name, table in RUN_TABLES.items():
                rows = pl.concat([_empty(name), *world.warehouse.read(source, table, run["seq"])])
                rows.drop("run").with_columns(_decimals(name)).write_parquet(landed / f"{name}.parquet")
            warehouse.load(target, run["seq"], _landed(landed, run["run_id"], run["tables"]))
        for move in source.execute(select(publication_table)).mappings().all():
            target.execute(insert(publication_table).values(**move))


def _landed(folder: Path, run_id: str, rows: Any) -> LandedRun:
    def file(name: str) -> Path:
        return folder / f"{name}.parquet"

    return LandedRun(run_id, rows, file, lambda name: str(file(name)))


def _empty(name: str) -> pl.DataFrame:
    kinds = {
        item.name: str if item.type.python_type is str else int for item in landed_columns(RUN_TABLES[name])
    }
    return pl.DataFrame(schema=kinds)


def _decimals(name: str) -> list[pl.Expr]:
    scaled = [column.name for column in RUN_TABLES[name].columns if isinstance(column.type, Scaled)]
    return [(pl.col(item).cast(pl.Decimal(38, 6)) / 1_000_000).cast(pl.Decimal(19, 6)) for item in scaled]


@pytest.fixture
def direct(copied: str, tmp_path: Path, shared: tuple[Api, World]) -> Iterator[Direct]:
    """The application, up to date, with the accounts of ``shared``: cursors are signed with their secret."""
    accounts = Path(str(shared[1].engine.url.database)).with_name("accounts.sqlite")
    yield from served(copied, tmp_path, f"sqlite:///{accounts}")


def served(url: str, home: Path, accounts: str | None = None) -> Iterator[Direct]:
    """Give the application over a warehouse, its names copied once."""
    quiet: dict[str, Any] = {"rate_limit": "off", "access_log": "off", "_env_file": None}
    where: dict[str, Any] = {"warehouse_url": url, "database_url": accounts, "serve_from": "warehouse"}
    settings = Settings(home=home, **where, **quiet)
    app = create_app(settings)
    made = Direct(authorized(app), url, home, open_warehouse(url))
    made.look()
    yield made
    made.api.runner.close()
    close(app)


def test_answers_are_those_of_the_embedded_default(direct: Direct, api: Api) -> None:
    pages = 0
    for asked in questions(seed=5, count=300):
        following: str | None = f"{asked.listing.path}?{asked.query}"
        while following:
            ours, theirs = direct.api.get(following), api.get(following)
            assert ours.status_code == theirs.status_code == 200, (following, ours.text)
            assert ours.content == theirs.content, following
            assert _headers(ours) == _headers(theirs), following
            pages += 1
            whole = "limit=all" in following
            following = None if whole else ours.json()["links"]["next"]
    assert pages > 600


def _headers(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in OF_ONE_REQUEST}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/runs",
        f"/v1/runs/{FIRST}/changes?since={SECOND}",
        f"/v1/runs/{HELD}/changes?since={FIRST}&limit=3",
        f"/v1/aggregates/genres?run={SECOND}",
        "/v1/aggregates/genres?genre=nothing",
        "/v1/dimensions/production-companies?search=%25",
    ],
)
def test_so_are_runs_and_changes(direct: Direct, api: Api, path: str) -> None:
    ours, theirs = direct.api.get(path), api.get(path)
    assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)


def test_no_mart_is_copied(direct: Direct) -> None:
    store = open_engine(f"sqlite:///{place_of(direct.home, direct.url, marts=False).store}")
    with store.connect() as connection:
        counts = [connection.execute(select(table).limit(1)).all() for table in MART_TABLES.values()]
    assert counts == [[]] * len(MART_TABLES)


def test_a_sum_beyond_64_bits_is_told(postgres: PostgresServer, shared: Any, tmp_path: Path) -> None:
    url = postgres.create()
    copy(shared[1], open_warehouse(url), tmp_path)
    with open_engine(url).begin() as connection:
        connection.execute(text("UPDATE mart_genre_year SET revenue = 9223372036854775807"))
    for made in served(url, tmp_path / "home"):
        answer = made.api.get("/v1/aggregates/genres", rollup="years")
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["parameter"] == "rollup"


def test_a_run_pruned_before_the_copy_knows_is_not_an_empty_mart(
    postgres: PostgresServer, shared: Any, tmp_path: Path
) -> None:
    url = postgres.create()
    copy(shared[1], open_warehouse(url), tmp_path)
    for made in served(url, tmp_path / "home"):
        with made.warehouse.engine.connect() as connection:
            second = find(connection, SECOND)
        assert prune(made.warehouse, second)
        assert made.api.get("/v1/aggregates/genres", run=SECOND).status_code == 503
        assert made.api.get(f"/v1/runs/{FIRST}/changes", since=SECOND).status_code == 503
        made.look()
        assert made.api.get("/v1/aggregates/genres", run=SECOND).status_code == 409


def test_a_publish_is_seen_with_the_catalogue(postgres: PostgresServer, shared: Any, tmp_path: Path) -> None:
    url = postgres.create()
    copy(shared[1], open_warehouse(url), tmp_path)
    for made in served(url, tmp_path / "home"):
        with transaction(made.warehouse.engine) as connection:
            publish(connection, SECOND)
        made.look()
        answer = made.api.get("/v1/aggregates/years")
        assert answer.headers["run-id"] == SECOND
        assert answer.json()["data"] == shared[0].rows("/v1/aggregates/years", run=SECOND)


def test_a_statement_that_takes_too_long_is_ended(copied: str, tmp_path: Path) -> None:
    for made in served(copied, tmp_path):
        made.api.app.state.store._lane._direct._timeout_s = 0.05
        with made.warehouse.engine.begin() as connection:
            connection.execute(text("LOCK TABLE mart_year IN ACCESS EXCLUSIVE MODE"))
            answer = made.api.get("/v1/aggregates/years")
        assert answer.status_code == 503
        assert made.api.get("/v1/aggregates/years").status_code == 200


def test_without_the_warehouse_what_was_asked_before_is_answered_on(tmp_path: Path, shared: Any) -> None:
    from tests.support.postgres import postgres_server

    with postgres_server() as server:
        url = server.create()
        copy(shared[1], open_warehouse(url), tmp_path)
        for made in served(url, tmp_path / "home"):
            before = made.api.get("/v1/aggregates/genres", limit="5")
            server.stop()
            after = made.api.get("/v1/aggregates/genres", limit="5")
            assert (after.status_code, after.content) == (200, before.content)
            assert made.api.get("/v1/aggregates/genres", limit="6").status_code == 503
            server.start()
            assert made.api.get("/v1/aggregates/genres", limit="6").status_code == 200


def test_many_at_once_share_a_few_connections(direct: Direct) -> None:
    import asyncio

    store = direct.api.app.state.store

    async def ask() -> list[Any]:
        paths = [f"/v1/aggregates/genres?limit={limit}" for limit in range(1, 41)]
        return await asyncio.gather(*(direct.api._request("GET", path) for path in paths))

    assert {answer.status_code for answer in direct.api.runner.run(ask())} == {200}
    kept = store._lane._direct._idle
    assert 1 <= len(kept) <= 9
    assert threading.active_count() < 40
