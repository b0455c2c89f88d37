"""The whole chain into warehouses that read what has landed: S3 is real, Redshift and Snowflake stand-ins."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from app.database import upgrade
from app.errors import ConfigurationError, RunInProgress, StoreFailure
from app.etl import pipeline, reloading
from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.etl.reloading import load_landed
from app.serving.answer import Ask
from app.serving.cursor import Cursors
from app.serving.direct import Direct
from app.serving.listings import LISTINGS
from app.serving.reader import Reader
from app.serving.replica.place import Place
from app.serving.replica.sync import Replica
from app.serving.store import MartStore
from app.settings import Settings
from app.warehouse.base import LandedRun, Warehouse
from app.warehouse.runs import find, newest_first
from tests.reference.outcome import work_out
from tests.reference.readers import read_delivery
from tests.support import wild
from tests.support.asked import questions
from tests.support.deliveries import split, write
from tests.support.postgres import PostgresServer
from tests.support.redshift import RedshiftOnPostgres
from tests.support.s3 import S3Server
from tests.support.snowflake import FakeSnowflake, SnowflakeServer

OPTIONS = RunOptions(max_reject_ratio=1)
Opened = Callable[[str], Warehouse]


@pytest.fixture(params=["redshift", "snowflake"])
def cloud(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    """A warehouse at head that enforces no keys and reads landed files, as far as a stand-in does."""
    opened: Warehouse
    if request.param == "redshift":
        server: PostgresServer = request.getfixturevalue("postgres")
        opened = RedshiftOnPostgres(server.create(template=None))
    else:
        fake: SnowflakeServer = request.getfixturevalue("snowflake")
        opened = FakeSnowflake(fake, tmp_path / "stage")
    upgrade(opened.engine, "warehouse")
    return opened


@pytest.fixture
def settings(s3: S3Server, cloud: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a program whose runs land in a bucket and are loaded into the warehouse."""
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    for module in (pipeline, reloading):
        monkeypatch.setattr(module, "ready_warehouse", lambda _url: cloud)
    return Settings(home=tmp_path / "home", destination=f"s3://{s3.bucket()}/marts", _env_file=None)


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    """A delivery with every kind of dirt."""
    return write(tmp_path / "delivery", split(wild.catalogue()))


def replica(cloud: Warehouse, place: Place) -> MartStore:
    place.folder.mkdir()
    assert Replica(cloud, place).sync()
    return MartStore(place.store)


def ask(store: MartStore, path: str, query: str = "limit=1000") -> bytes:
    (listing,) = (item for item in LISTINGS if item.path == path)
    reader = Reader(store, Cursors(b"k" * 32))
    made = asyncio.run(reader.read(listing, Ask(path, query.encode())))
    return made.body


def test_a_run_goes_all_the_way_and_its_marts_are_right(
    settings: Settings, cloud: Warehouse, delivery: Path, tmp_path: Path
) -> None:
    run = run_delivery(settings, str(delivery), OPTIONS).run
    assert run.status == "published"
    expected = work_out(read_delivery(delivery))
    store = replica(cloud, Place(tmp_path / "replica"))
    rows = orjson.loads(ask(store, "/v1/aggregates/years"))["data"]
    assert {row["year"]: row["releases"] for row in rows} == {
        year: row["releases"] for (year,), row in expected.marts["year"].items()
    }
    store.close()


def test_what_is_read_in_the_warehouse_is_what_the_replica_says(
    settings: Settings, cloud: Warehouse, delivery: Path, tmp_path: Path
) -> None:
    """Sums aside, where Snowflake is asked for them: its fake adds up doubles."""
    run_delivery(settings, str(delivery), OPTIONS)
    copied = replica(cloud, Place(tmp_path / "replica"))
    direct = MartStore(copied._path, 60, Direct(cloud.engine, 60))
    for asked in questions(seed=3, count=60):
        summed = "rollup" in asked.query or asked.listing.kind == "dimensions"
        if "limit=all" not in asked.query and not (summed and cloud.capabilities.name == "Snowflake"):
            ours = ask(direct, asked.listing.path, asked.query)
            assert ours == ask(copied, asked.listing.path, asked.query), (asked.listing.path, asked.query)
    direct.close()
    copied.close()


def test_a_load_that_failed_is_taken_up_again(
    settings: Settings, cloud: Warehouse, delivery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: LandedRun) -> None:
        raise StoreFailure("warehouse: asleep", "wake it")

    with monkeypatch.context() as patched:
        patched.setattr(cloud, "stage", broken)
        with pytest.raises(StoreFailure, match="app etl load"):
            run_delivery(settings, str(delivery), OPTIONS)
    with cloud.engine.connect() as connection:
        (failed,) = newest_first(connection)
    assert failed.status == "failed"
    loaded = load_landed(settings, failed.run_id, publish=True).run
    assert (loaded.status, loaded.seq) == ("published", failed.seq)


def test_two_runs_do_not_go_on_at_once_wherever_they_land(
    settings: Settings, cloud: Warehouse, delivery: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = f"s3://{s3.bucket()}/other"
    refused: list[RunInProgress] = []
    stage = cloud.stage

    def another(landed: LandedRun) -> None:
        stage(landed)
        with pytest.raises(RunInProgress) as failure:
            run_delivery(settings, str(delivery), replace(OPTIONS, force=True), destination=elsewhere)
        refused.append(failure.value)

    monkeypatch.setattr(cloud, "stage", another)
    run = run_delivery(settings, str(delivery), OPTIONS).run
    assert len(refused) == 1
    with cloud.engine.connect() as connection:
        assert find(connection, run.run_id).status == "published"


def test_a_destination_that_it_cannot_read_is_told_before_anything_is_done(
    settings: Settings, cloud: Warehouse, delivery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(destination: str) -> None:
        raise ConfigurationError(f"cannot read {destination}", "set APP_DESTINATION")

    monkeypatch.setattr(cloud, "check", refuse)
    with pytest.raises(ConfigurationError, match="cannot read s3://"):
        run_delivery(settings, str(delivery), OPTIONS)
    with cloud.engine.connect() as connection:
        assert newest_first(connection) == []
