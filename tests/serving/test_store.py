"""The mart store: deadlines, lanes, one state per question, replaced files."""

import asyncio
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from app.database import open_engine, ready
from app.errors import StoreFailure
from app.serving import slow
from app.serving import store as stores
from app.serving.direct import Marts
from app.serving.errors import Saturated, StatementTimeout
from app.serving.statement import Compiled
from app.serving.store import MartStore, Snapshot
from app.settings import Settings
from tests.support.movies import LATER, MOVIES
from tests.support.waiting import until
from tests.support.world import World

#: Counts to ``:n`` in SQLite: as long as one likes, by statements alone.
COUNT = Compiled(
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < :n) SELECT count(*) FROM c", {}
)
FOREVER = 10**12
WAITING_AND_RUNNING = stores.WAITERS + stores.WAITING


def count(snapshot: Snapshot, to: int) -> int:
    [(found,)] = snapshot.rows(COUNT, {"n": to})
    return int(found)


def thread_of(snapshot: Snapshot, to: int) -> str:
    count(snapshot, to)
    return threading.current_thread().name


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "FRESH_FOR_S", 0.0)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(ready(open_engine(Settings(home=tmp_path, _env_file=None).warehouse), "warehouse"))
    made.add("first", MOVIES)
    made.add("second", LATER)
    made.publish("first")
    return made


@pytest.fixture
def file(world: World) -> Path:
    return Path(str(world.engine.url.database))


@pytest.fixture
def store(file: Path) -> Iterator[MartStore]:
    made = MartStore(file, statement_timeout_s=30)
    yield made
    made.close()


def test_a_short_question_is_answered_on_the_loop(store: MartStore) -> None:
    name = asyncio.run(store.read(lambda see: thread_of(see, 10)))
    assert name == threading.current_thread().name


def test_a_long_one_goes_to_a_lane_and_exports_to_their_own(store: MartStore) -> None:
    assert asyncio.run(store.read(lambda see: thread_of(see, 500_000))).startswith("store-lane")
    assert asyncio.run(store.read(lambda see: thread_of(see, 10), bulk=True)).startswith("store-bulk")


def test_the_like_of_a_long_question_goes_to_a_lane_at_once_for_a_while(
    store: MartStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def ask(to: int) -> list[str]:
        def question(snapshot: Snapshot) -> str:
            asked.append(threading.current_thread().name)
            return thread_of(snapshot, to)

        asked.clear()
        assert asyncio.run(store.read(question)) == asked[-1]
        return [name.partition("_")[0] for name in asked]

    loop, lane = threading.current_thread().name, "store-lane"
    assert ask(500_000) == [loop, lane]
    began: list[str] = []
    assert store._session is not None
    store._session.driver.set_trace_callback(began.append)
    assert ask(10) == [loop, lane]
    assert [sql for sql in began if "RECURSIVE" in sql] == []
    monkeypatch.setattr(time, "monotonic", lambda start=time.monotonic: start() + slow.FORGOTTEN_AFTER_S)
    assert ask(10) == [loop]
    assert [sql for sql in began if "RECURSIVE" in sql] != []


def test_slow_statements_are_few_in_memory() -> None:
    known = slow.Slow()
    for number in range(3 * slow.MOST):
        known.add(f"SELECT {number}")
        assert f"SELECT {number}" in known
    assert sum(f"SELECT {number}" in known for number in range(3 * slow.MOST)) <= slow.MOST


@pytest.mark.parametrize("bulk", [False, True])
def test_statements_that_take_too_long_are_ended(file: Path, bulk: bool) -> None:
    store = MartStore(file, statement_timeout_s=0.1)
    began = time.monotonic()
    with pytest.raises(StatementTimeout):
        asyncio.run(store.read(lambda see: count(see, FOREVER), bulk=bulk))
    assert time.monotonic() - began < 5
    assert asyncio.run(store.read(lambda see: count(see, 10), bulk=bulk)) == 10
    store.close()


def test_the_limit_is_for_all_statements_of_a_question(file: Path) -> None:
    def one_after_another(snapshot: Snapshot) -> None:
        for _ in range(1_000):
            count(snapshot, 300_000)

    store = MartStore(file, statement_timeout_s=0.2)
    with pytest.raises(StatementTimeout):
        asyncio.run(store.read(one_after_another))
    store.close()


def test_only_the_time_of_statements_counts(file: Path) -> None:
    def slowly(snapshot: Snapshot) -> int:
        time.sleep(0.3)
        return count(snapshot, 10)

    store = MartStore(file, statement_timeout_s=0.2)
    assert asyncio.run(store.read(slowly, bulk=True)) == 10
    store.close()


def test_the_loop_turns_while_lanes_work(store: MartStore) -> None:
    async def ask() -> int:
        long = asyncio.create_task(store.read(lambda see: count(see, 3_000_000)))
        turns = 0
        while not long.done():
            await asyncio.sleep(0)
            await store.read(lambda see: see.current)
            turns += 1
        assert await long == 3_000_000
        return turns

    assert asyncio.run(ask()) > 10


def test_too_many_long_questions_are_refused(store: MartStore, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    places = stores.THREADS + stores.WAITING

    def wait_in_lane(snapshot: Snapshot) -> str:
        if threading.current_thread().name.startswith("store-lane"):
            gate.wait(30)
            return "lane"
        return str(count(snapshot, FOREVER))

    async def ask() -> list[object]:
        tasks = [asyncio.create_task(store.read(wait_in_lane)) for _ in range(places)]
        await until(lambda: (store.running, store.waiting) == (stores.THREADS, stores.WAITING))
        with pytest.raises(Saturated):
            await store.read(wait_in_lane)
        short = await store.read(lambda see: count(see, 10))
        bulk = await store.read(lambda see: count(see, 10), bulk=True)
        gate.set()
        return [short, bulk, *await asyncio.gather(*tasks)]

    monkeypatch.setattr(stores, "ON_LOOP_S", 0.0005)
    assert asyncio.run(ask()) == [10, 10, *["lane"] * places]
    assert (store.running, store.waiting) == (0, 0)


def test_closing_ends_what_runs(store: MartStore) -> None:
    async def ask() -> list[object]:
        tasks = [asyncio.create_task(store.read(lambda see: count(see, FOREVER))) for _ in range(5)]
        tasks.append(asyncio.create_task(store.read(lambda see: count(see, FOREVER), bulk=True)))
        await until(lambda: store.running == stores.THREADS + 1)
        await asyncio.to_thread(store.close)
        return await asyncio.gather(*tasks, return_exceptions=True)

    began = time.monotonic()
    kinds = {type(item) for item in asyncio.run(ask())}
    assert kinds <= {StatementTimeout, asyncio.CancelledError}
    assert StatementTimeout in kinds
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("bulk", [False, True])
def test_a_question_sees_one_state_whatever_is_published(store: MartStore, world: World, bulk: bool) -> None:
    def twice(snapshot: Snapshot) -> tuple[str, int, int]:
        rows = Compiled("SELECT count(*) FROM publication", {})
        [(before,)] = snapshot.rows(rows, {})
        world.publish("second")
        [(after,)] = snapshot.rows(rows, {})
        return snapshot.published().run_id, before, after

    assert asyncio.run(store.read(twice, bulk=bulk)) == ("first", 1, 1)
    assert asyncio.run(store.read(lambda see: see.published().run_id, bulk=bulk)) == "second"


def test_the_state_is_the_same_object_until_something_is_published(store: MartStore, world: World) -> None:
    first = store.state()
    world.add("third", MOVIES)
    assert store.state() is first
    world.publish("second")
    second = store.state()
    assert second is not first
    assert (second.current.run_id if second.current else None) == "second"
    assert second.kept.keys() == {"first", "second"}


def test_a_replaced_file_is_opened_anew(store: MartStore, file: Path, tmp_path: Path) -> None:
    assert asyncio.run(store.read(lambda see: see.published().run_id)) == "first"
    other = World(ready(open_engine(f"sqlite:///{tmp_path / 'other.sqlite'}"), "warehouse"))
    other.add("elsewhere", MOVIES)
    other.publish("elsewhere")
    with closing(sqlite3.connect(tmp_path / "other.sqlite")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (tmp_path / "other.sqlite").rename(file)
    for bulk in (False, True):
        assert asyncio.run(store.read(lambda see: see.published().run_id, bulk=bulk)) == "elsewhere"


def test_a_file_that_is_not_there_is_read_once_it_is(tmp_path: Path) -> None:
    home = tmp_path / "later"
    settings = Settings(home=home, _env_file=None)
    store = MartStore(home / "warehouse.sqlite")
    for bulk in (False, True):
        with pytest.raises(StoreFailure):
            asyncio.run(store.read(lambda see: see.current, bulk=bulk))
    with pytest.raises(StoreFailure):
        store.state()
    world = World(ready(open_engine(settings.warehouse), "warehouse"))
    world.add("a", MOVIES)
    world.publish("a")
    for bulk in (False, True):
        assert asyncio.run(store.read(lambda see: see.published().run_id, bulk=bulk)) == "a"
    store.close()


def test_a_lock_that_somebody_holds_does_not_stop_the_loop(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other, closing(MartStore(file)) as store:
        other.execute("PRAGMA journal_mode=DELETE")
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        for _ in range(5):
            with pytest.raises(StoreFailure):
                store.state()
        assert time.monotonic() - began < 1
        other.execute("ROLLBACK")
        assert store.state().current


def test_a_file_that_is_no_database_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "warehouse.sqlite").write_bytes(b"no database" * 1000)
    store = MartStore(tmp_path / "warehouse.sqlite")
    with pytest.raises(StoreFailure):
        asyncio.run(store.read(lambda see: see.current))
    store.close()


class Hanging:
    """A warehouse that takes questions and does not answer until it is told to."""

    def __init__(self) -> None:
        self.told = threading.Event()

    @contextmanager
    def asked(self) -> Iterator[Marts]:
        """See ``Source``."""
        self.told.wait(30)
        raise StoreFailure("it hung up")
        yield


def test_a_warehouse_that_hangs_keeps_nobody_waiting_for_ever(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "ANSWERS_WITHIN_S", 0.1)
    hanging = Hanging()
    made = MartStore(file, 0.1, hanging)

    async def ask() -> list[object]:
        asked = [made.read(lambda see: see.marts.execute(select(1))) for _ in range(WAITING_AND_RUNNING + 5)]
        return list(await asyncio.gather(*asked, return_exceptions=True))

    began = time.monotonic()
    found = asyncio.run(ask())
    assert time.monotonic() - began < 5
    kinds = Counter(type(item) for item in found)
    assert kinds == {StatementTimeout: WAITING_AND_RUNNING, Saturated: 5}
    assert made.state().current is not None
    hanging.told.set()
    made.close()
