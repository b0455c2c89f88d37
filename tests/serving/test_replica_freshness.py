"""How old a replica is said to be, and what is told of it by who keeps it."""

import time
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from app.errors import SchemaError, StoreFailure
from app.serving.replica import Freshness, Status, follow
from app.serving.replica.follow import Follower
from app.serving.replica.place import Place
from app.serving.replica.status import read_status
from app.warehouse.base import Warehouse
from tests.support.movies import LATER, MOVIES
from tests.support.replicated import Replicated, elsewhere

DOWN = OperationalError("SELECT secret", {"a": "secret"}, Exception("server at db.internal refused"))


def caused_by_driver() -> StoreFailure:
    """Return the failure of a database that cannot be opened, as the program raises it."""
    failure = StoreFailure("the warehouse database cannot be opened: server at db.internal refused")
    failure.__cause__ = DOWN
    return failure


class Clock:
    """Both clocks of the module ``time``, to be set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed = 0.0
        for name in ("time", "monotonic"):
            monkeypatch.setattr(time, name, self._moved(getattr(time, name)()))

    def _moved(self, start: float) -> object:
        return lambda: start + self.passed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def confirmed(place: Place, **columns: object) -> Freshness:
    Status(**{"confirmed_at": time.time(), "run": "first", **columns}).write(place.status)  # type: ignore[arg-type]
    return Freshness(place, 0.5)


def test_without_a_status_there_is_no_age(place: Place, clock: Clock) -> None:
    freshness = Freshness(place, 0.5)
    assert (freshness.status, freshness.age_s, freshness.state, freshness.line()) == (
        None,
        None,
        "empty",
        b"",
    )
    for spoilt in ("", "[]", '{"made_up": 1}', "\N{SNOWMAN}"):
        clock.passed += 1
        place.status.write_text(spoilt)
        assert (freshness.status, freshness.line()) == (None, b"")


def test_the_age_grows_by_seconds_until_the_warehouse_is_seen_again(place: Place, clock: Clock) -> None:
    freshness = confirmed(place)
    lines = []
    for _ in range(4):
        lines.append(freshness.line())
        clock.passed += 1
    assert lines == [b"replica-age: %d\r\n" % age for age in range(4)]
    confirmed(place)
    assert freshness.age_s == 0


def test_the_status_is_looked_at_once_a_second(place: Place, clock: Clock) -> None:
    freshness = confirmed(place)
    assert freshness.line() == b"replica-age: 0\r\n"
    place.status.unlink()
    clock.passed += 0.9
    assert freshness.line() == b"replica-age: 0\r\n"
    clock.passed += 0.2
    assert freshness.line() == b""


def test_a_clock_that_was_set_back_makes_nothing_younger_than_now(place: Place, clock: Clock) -> None:
    assert confirmed(place, confirmed_at=time.time() + 3600).age_s == 0


@pytest.mark.parametrize(
    ("columns", "passed", "state"),
    [
        ({}, 5, "current"),
        ({}, 7, "stale"),
        ({"error": "the warehouse cannot be read"}, 0, "stale"),
        ({"run": None}, 0, "empty"),
    ],
)
def test_states(place: Place, clock: Clock, columns: dict[str, object], passed: int, state: str) -> None:
    freshness = confirmed(place, **columns)
    clock.passed += passed
    assert freshness.state == state


def test_a_seldom_look_is_not_stale(place: Place, clock: Clock) -> None:
    Status(confirmed_at=time.time(), run="first").write(place.status)
    clock.passed += 170
    assert Freshness(place, 60).state == "current"


class Switched:
    """Opens a warehouse, or fails as it was told."""

    def __init__(self, pair: Replicated) -> None:
        self.pair = pair
        self.failure: Exception | None = None

    def open(self, _: str) -> Warehouse:
        if self.failure is not None:
            raise self.failure
        return self.pair.warehouse


@pytest.fixture
def switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Switched:
    made = elsewhere(tmp_path)
    made.world.add("first", MOVIES)
    made.world.add("second", LATER)
    made.publish("first")
    switched = Switched(made)
    monkeypatch.setattr(follow, "ready_warehouse", switched.open)
    return switched


def look(switch: Switched, follower: Follower | None = None) -> Status:
    (follower or Follower(switch.pair.place, switch.pair.url)).look()
    found = read_status(switch.pair.place.status)
    assert found is not None
    return found


def test_every_look_is_told(switch: Switched, clock: Clock) -> None:
    follower = Follower(switch.pair.place, switch.pair.url)
    first = look(switch, follower)
    assert (first.run, first.runs, first.syncs, first.failures, first.error) == ("first", 2, 1, 0, None)
    assert first.confirmed_at == time.time()
    assert first.synced_at == time.time()
    clock.passed += 60
    second = look(switch, follower)
    assert second.confirmed_at == time.time()
    assert (second.synced_at, second.syncs) == (first.synced_at, 1)
    switch.pair.publish("second")
    assert look(switch, follower).run == "second"


@pytest.mark.parametrize(
    ("failure", "shown"),
    [
        (DOWN, "the warehouse cannot be read"),
        (StoreFailure("the warehouse has 1 rows of mart_year of run a, not 2"), "mart_year of run a, not 2"),
        (caused_by_driver(), "the warehouse cannot be read"),
        (SchemaError("the warehouse database is at revision 1, not 2", "run 'app db upgrade'"), "upgrade"),
        (OSError(28, "No space left on device"), "the replica cannot be written: No space left on device"),
        (ZeroDivisionError("secret"), "see the server's log"),
    ],
)
def test_a_failure_is_told_without_names_and_what_was_known_stays(
    switch: Switched, clock: Clock, caplog: pytest.LogCaptureFixture, failure: Exception, shown: str
) -> None:
    before = look(switch)
    clock.passed += 60
    switch.failure = failure
    after = look(switch)
    assert after.error is not None
    assert shown in after.error
    assert "internal" not in after.error
    assert "SELECT" not in caplog.text
    assert (after.confirmed_at, after.run, after.failures) == (before.confirmed_at, "first", 1)
    switch.failure = None
    back = look(switch)
    assert (back.error, back.confirmed_at, back.failures, back.syncs) == (None, time.time(), 1, 1)


def test_a_failure_is_logged_once_and_its_end(switch: Switched, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    follower = Follower(switch.pair.place, switch.pair.url)
    switch.failure = DOWN
    for _ in range(3):
        look(switch, follower)
    switch.failure = None
    look(switch, follower)
    texts = [record.message for record in caplog.records]
    assert [text for text in texts if "refused" in text] == [
        "the replica is not up to date: server at db.internal refused"
    ]
    assert texts[-1] == "the replica is up to date again"


def test_a_status_without_its_file_confirms_nothing(switch: Switched) -> None:
    look(switch)
    switch.pair.place.store.unlink()
    switch.failure = DOWN
    after = look(switch)
    assert (after.confirmed_at, after.run, after.runs, after.syncs) == (None, None, 0, 1)
