"""Whatever a dead run left where, the next one cleans it up: each state of it made by hand."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

from app.database import open_engine, ready, transaction
from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.etl.work import work_folder
from app.marts.catalog import run_lock_table
from app.settings import Settings
from app.storage import LocalStore
from app.warehouse import runs
from app.warehouse.process import machine
from tests.support.published import litter, published
from tests.support.small import movies

DEAD = "20200101T000000000000Z-000000"
NO_PROCESS = "1-never"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", _env_file=None)


@pytest.fixture
def engine(settings: Settings) -> Engine:
    return ready(open_engine(settings.warehouse), "warehouse")


def die(engine: Engine, location: Path, run_id: str = DEAD) -> None:
    """Leave the lock of a process that is no more."""
    now = datetime.now(UTC)
    row = {
        "name": "etl",
        "run_id": run_id,
        "location": str(location),
        "machine": machine(),
        "process": NO_PROCESS.replace("-", "/"),
        "acquired_at": now,
        "heartbeat_at": now,
    }
    with transaction(engine) as connection:
        connection.execute(insert(run_lock_table).values(row))


def run_next(settings: Settings, tmp_path: Path) -> None:
    source = movies(tmp_path / "next.csv", 5)
    assert run_delivery(settings, str(source), RunOptions()).run.status == "published"
    assert litter(settings.home) == []
    assert published(settings.home)


def dead_run(engine: Engine, run_id: str = DEAD) -> runs.Run:
    with engine.connect() as connection:
        return runs.find(connection, run_id)


def test_a_torn_folder_wherever_it_was_to_land(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    torn = tmp_path / "else where" / "runs" / DEAD
    torn.mkdir(parents=True)
    (torn / "year.parquet").write_text("torn")
    die(engine, torn)
    run_next(settings, tmp_path)
    assert not torn.exists()
    assert (dead_run(engine).status, dead_run(engine).location) == ("failed", None)


def test_a_run_that_landed_whole_is_kept(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    whole = settings.home / "lake" / "runs" / DEAD
    whole.mkdir(parents=True)
    (whole / "manifest.json").write_text("{}")
    die(engine, whole)
    run_next(settings, tmp_path)
    assert (dead_run(engine).status, dead_run(engine).location) == ("failed", str(whole))


@pytest.mark.parametrize(
    ("publish", "status", "reason"),
    [(True, "superseded", None), (False, "held", "the run was killed before it finished")],
)
def test_a_run_that_was_loaded_stays_what_it_was(
    settings: Settings, engine: Engine, tmp_path: Path, publish: bool, status: str, reason: str | None
) -> None:
    source = movies(tmp_path / "a.csv", 3)
    run = run_delivery(settings, str(source), RunOptions(publish=publish)).run
    assert run.location is not None
    die(engine, Path(run.location), run.run_id)
    run_next(settings, tmp_path)
    found = dead_run(engine, run.run_id)
    assert (found.status, found.reason, found.location) == (status, reason, run.location)


def test_a_destination_out_of_reach_holds_up_nobody(
    settings: Settings, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_reach(store: LocalStore, prefix: str) -> None:
        with store._failures(prefix):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(LocalStore, "delete_below", out_of_reach)
    torn = tmp_path / "broken" / "runs" / DEAD
    torn.mkdir(parents=True)
    die(engine, torn)
    run_next(settings, tmp_path)
    assert dead_run(engine).location == str(torn)  # its files go with it when it is pruned


def test_a_failure_that_cannot_be_recorded_is_left_to_the_next_run(
    settings: Settings, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C, and again while the first is being seen to."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("app.etl.pipeline.load_run", interrupted)
        patched.setattr("app.etl.record.landed_or_deleted", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_delivery(settings, str(movies(tmp_path / "a.csv", 3)), RunOptions())
    [left] = litter(settings.home)
    run_next(settings, tmp_path)
    assert dead_run(engine, left.removeprefix("lock of ")).status == "failed"


def test_work_folders_of_the_dead(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    work = settings.home / "work"
    known = work / f"{DEAD}.{NO_PROCESS}.0123456789abcdef"
    stranger = work / f"another.{NO_PROCESS}.0123456789abcdef"
    with work_folder(work, "living") as living:
        here = living.name.split(".")[-1]
        dead = work / f"dead.{NO_PROCESS}.{here}"
        for folder in (known, stranger, dead):
            (folder / "spool").mkdir(parents=True)
        die(engine, tmp_path / "lake" / "runs" / DEAD)
        run_delivery(settings, str(movies(tmp_path / "next.csv", 5)), RunOptions())
        assert set(work.iterdir()) == {living, stranger}  # on its own machine that one may be alive
    assert set(work.iterdir()) == {stranger}
