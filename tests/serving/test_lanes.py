"""Lanes: few threads, bounded waiting, and nothing left behind by callers who go away."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from app.serving.errors import Saturated
from app.serving.lanes import Lane
from tests.support.waiting import until

THREADS, WAITING = 2, 3


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What the work of these tests waits for."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def lane(gate: threading.Event) -> Iterator[Lane]:
    made = Lane("test-lane", THREADS, WAITING)
    yield made
    gate.set()
    made.close()


async def fill(lane: Lane, gate: threading.Event, count: int) -> list[asyncio.Task[bool]]:
    """Hand over work that waits for the gate, and return when all that can run is running."""
    tasks = [asyncio.create_task(lane.run(lambda: gate.wait(10))) for _ in range(count)]
    await until(lambda: lane.running == min(count, THREADS) and lane.waiting == max(count - THREADS, 0))
    return tasks


def test_results_and_errors_come_back(lane: Lane) -> None:
    def fail() -> None:
        raise ValueError("wrong")

    async def ask() -> int:
        with pytest.raises(ValueError, match="wrong"):
            await lane.run(fail)
        return await lane.run(lambda: 42)

    assert asyncio.run(ask()) == 42
    assert (lane.running, lane.waiting) == (0, 0)


def test_one_more_than_may_wait_is_refused_and_places_come_back(lane: Lane, gate: threading.Event) -> None:
    async def ask() -> list[bool]:
        tasks = await fill(lane, gate, THREADS + WAITING)
        assert (lane.running, lane.waiting) == (THREADS, WAITING)
        with pytest.raises(Saturated):
            await lane.run(lambda: True)
        gate.set()
        answers = await asyncio.gather(*tasks)
        return [*answers, await lane.run(lambda: True)]

    assert asyncio.run(ask()) == [True] * (THREADS + WAITING + 1)


def test_work_that_waits_is_dropped_with_its_caller(lane: Lane, gate: threading.Event) -> None:
    begun = threading.Event()

    async def ask() -> None:
        tasks = await fill(lane, gate, THREADS)
        left = asyncio.create_task(lane.run(begun.set))
        await until(lambda: lane.waiting == 1)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        assert (lane.running, lane.waiting) == (THREADS, 0)
        gate.set()
        await asyncio.gather(*tasks)

    asyncio.run(ask())
    assert not begun.is_set()


def test_what_runs_keeps_its_place_when_its_caller_leaves(lane: Lane, gate: threading.Event) -> None:
    async def ask() -> None:
        tasks = await fill(lane, gate, THREADS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert lane.running == THREADS
        more = await fill_behind(lane, gate)
        gate.set()
        await asyncio.gather(*more)

    async def fill_behind(lane: Lane, gate: threading.Event) -> list[asyncio.Task[bool]]:
        tasks = [asyncio.create_task(lane.run(lambda: gate.wait(10))) for _ in range(WAITING)]
        await until(lambda: lane.waiting == WAITING)
        with pytest.raises(Saturated):
            await lane.run(lambda: True)
        return tasks

    asyncio.run(ask())


def test_closing_drops_what_waits(gate: threading.Event) -> None:
    lane = Lane("test-lane", THREADS, WAITING)

    async def ask() -> list[object]:
        tasks = await fill(lane, gate, THREADS + WAITING)
        closing = asyncio.create_task(asyncio.to_thread(lane.close))
        await until(lambda: lane.waiting == 0)
        gate.set()
        await closing
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = asyncio.run(ask())
    assert [type(item) for item in found] == [bool] * THREADS + [asyncio.CancelledError] * WAITING
