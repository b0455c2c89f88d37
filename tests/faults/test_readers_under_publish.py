"""Readers walk every page while runs are published, rolled back and pruned underneath, on two workers.

What a run holds is worked out in plain Python (``tests.support.movies``); its rows, whole and unmixed, are
what each walk must see. The one error that a reader may get is the documented 409 of a pruned run.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from app.database import open_engine, ready, transaction
from app.settings import Settings
from app.warehouse import runs
from app.warehouse.publish import prune, publish, rollback
from tests.support.movies import LATER, MOVIES, Movie, Row
from tests.support.server import Server, credentials, serving, token
from tests.support.world import World

WALKS = {
    "/v1/aggregates/genres": "genre_year",
    "/v1/aggregates/production-companies": "company_year",
    "/v1/aggregates/production-company-genres": "company_genre_year",
}
READERS = 12
#: Rounds of the publisher, and pages that readers have at least; on a busy machine that takes more rounds.
ROUNDS, PAGES = 40, 1_000
MOST_ROUNDS = 20 * ROUNDS
VARIANTS: Sequence[Sequence[Movie]] = (MOVIES, LATER, MOVIES[::2], LATER[1::2])


@dataclass
class Seen:
    """What readers met."""

    statuses: Counter[int] = field(default_factory=Counter)
    runs: set[str] = field(default_factory=set)
    walks: int = 0
    workers: int = 0


@pytest.fixture
def world(tmp_path: Path) -> World:
    engine = ready(open_engine(Settings(home=tmp_path, _env_file=None).warehouse), "warehouse")
    world = World(engine)
    world.add(_id(0), VARIANTS[0])
    world.publish(_id(0))
    return world


@pytest.fixture
def server(tmp_path: Path, world: World) -> Iterator[Server]:
    with serving(tmp_path, "--workers", "2") as running:
        yield running


def _id(number: int) -> str:
    return f"20250101T{number:06d}Z-run"


def test_no_page_mixes_runs_and_nothing_fails_but_a_pruned_run(
    tmp_path: Path, world: World, server: Server
) -> None:
    expected = {(_id(0), path): world.rows(mart, _id(0)) for path, mart in WALKS.items()}
    seen = asyncio.run(_load(server.url, token(server.url, credentials(tmp_path)), world, expected))
    assert set(seen.statuses) <= {200, 409}, seen.statuses
    assert seen.statuses[200] >= PAGES
    assert seen.statuses[409] > 0, "runs were pruned while they were walked"
    assert len(seen.runs) > ROUNDS / 4
    assert seen.walks > READERS


Expected = dict[tuple[str, str], list[Row]]


async def _load(url: str, bearer: str, world: World, expected: Expected) -> Seen:
    seen, done = Seen(), asyncio.Event()
    readers = [
        _read(url, bearer, path, expected, seen, done)
        for path in itertools.islice(itertools.cycle(WALKS), READERS)
    ]
    await asyncio.gather(_publish_and_prune(world, expected, seen, done), *readers)
    return seen


async def _publish_and_prune(world: World, expected: Expected, seen: Seen, done: asyncio.Event) -> None:
    """Publish a new run, publish again, roll back, prune all but two: again and again."""
    try:
        for number in range(1, MOST_ROUNDS):
            if number >= ROUNDS and seen.statuses[200] >= PAGES:
                return
            movies = VARIANTS[number % len(VARIANTS)]
            world.add(_id(number), movies)
            expected |= {(_id(number), path): world.rows(mart, _id(number)) for path, mart in WALKS.items()}
            await asyncio.to_thread(_move, world, number)
            await asyncio.sleep(0.1)
    finally:
        done.set()


def _move(world: World, number: int) -> None:
    with transaction(world.engine) as connection:
        publish(connection, _id(number))
    if number % 3 == 0:
        with transaction(world.engine) as connection:
            rollback(connection)
    with world.engine.connect() as connection:
        current = runs.published(connection)
        kept = [run for run in runs.newest_first(connection) if run.seq != current.seq]
    for run in kept[1:]:
        prune(world.warehouse, run)


async def _read(
    url: str, bearer: str, path: str, expected: Expected, seen: Seen, done: asyncio.Event
) -> None:
    headers = {"Authorization": f"Bearer {bearer}"}
    for limit in itertools.cycle((3, 5, 11)):
        if done.is_set():
            return
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            await _walk(client, f"{path}?limit={limit}", path, expected, seen)


async def _walk(client: httpx.AsyncClient, target: str, path: str, expected: Expected, seen: Seen) -> None:
    rows: list[Row] = []
    pages: set[str] = set()
    following: str | None = target
    while following is not None:
        answer = await client.get(following)
        seen.statuses[answer.status_code] += 1
        if answer.status_code != 200:
            assert "pruned" in answer.json()["detail"], answer.text
            return
        document = answer.json()
        pages.add(document["meta"]["run_id"])
        assert answer.headers["run-id"] == document["meta"]["run_id"]
        rows += document["data"]
        following = document["links"]["next"]
    (run,) = pages
    seen.runs |= pages
    seen.walks += 1
    assert rows == expected[run, path], f"{path} of {run}"
