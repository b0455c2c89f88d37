"""The cache of finished answers: bounded, each computed once, nothing kept from another state."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from app.serving.answer import Answer
from app.serving.cache import OVERHEAD_BYTES, Cache, Key

STATE, LATER = object(), object()


def answer(body: bytes = b"x") -> Answer:
    return Answer(200, {"ETag": '"1"'}, body)


def making(given: Answer, calls: list[int]) -> Callable[[], Awaitable[Answer]]:
    async def make() -> Answer:
        calls.append(1)
        await asyncio.sleep(0)
        return given

    return make


def test_a_stampede_computes_once() -> None:
    cache, calls, given = Cache(1 << 20), list[int](), answer()
    cache.enter(STATE)

    async def stampede() -> list[tuple[Answer, str]]:
        asked = (cache.compute(("k",), making(given, calls)) for _ in range(200))
        return list(await asyncio.gather(*asked))

    found = asyncio.run(stampede())
    assert len(calls) == 1
    assert all(got is given for got, _ in found)
    assert sorted(result for _, result in found) == ["joined"] * 199 + ["miss"]
    assert cache.get(("k",)) is given


def test_everyone_who_waited_gets_the_error_and_nothing_is_kept() -> None:
    cache = Cache(1 << 20)

    async def fail() -> Answer:
        await asyncio.sleep(0)
        raise KeyError("no")

    async def three() -> list[BaseException | tuple[Answer, str]]:
        asked = (cache.compute(("k",), fail) for _ in range(3))
        return list(await asyncio.gather(*asked, return_exceptions=True))

    assert [type(found) for found in asyncio.run(three())] == [KeyError] * 3
    assert cache.get(("k",)) is None


def test_who_waited_for_a_cancelled_one_computes_itself() -> None:
    cache, calls, given = Cache(1 << 20), list[int](), answer()
    started = asyncio.Event()

    async def never() -> Answer:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def both() -> tuple[Answer, str]:
        first = asyncio.ensure_future(cache.compute(("k",), never))
        await started.wait()
        second = asyncio.ensure_future(cache.compute(("k",), making(given, calls)))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await second

    assert asyncio.run(both()) == (given, "miss")
    assert len(calls) == 1


def test_one_who_leaves_does_not_disturb_the_others() -> None:
    cache, calls, given = Cache(1 << 20), list[int](), answer()

    async def three() -> tuple[Answer, str]:
        asked = [asyncio.ensure_future(cache.compute(("k",), making(given, calls))) for _ in range(3)]
        await asyncio.sleep(0)
        asked[1].cancel()
        await asked[0]
        return await asked[2]

    assert asyncio.run(three()) == (given, "joined")
    assert len(calls) == 1


def test_another_state_drops_everything_even_what_is_under_way() -> None:
    cache, old, new = Cache(1 << 20), answer(b"old"), answer(b"new")
    release = asyncio.Event()

    async def slow() -> Answer:
        await release.wait()
        return old

    async def across() -> tuple[Answer, str]:
        cache.enter(STATE)
        await cache.compute(("kept",), making(old, []))
        before = asyncio.ensure_future(cache.compute(("k",), slow))
        await asyncio.sleep(0)
        cache.enter(LATER)
        assert cache.get(("kept",)) is None
        after = await cache.compute(("k",), making(new, []))
        release.set()
        assert (await before)[0] is old, "who asked before the change gets what was read then"
        return after

    assert asyncio.run(across()) == (new, "miss")
    assert cache.get(("k",)) is new


def fill(cache: Cache, key: Key, body: bytes) -> None:
    asyncio.run(cache.compute(key, making(answer(body), [])))


def test_it_stays_within_its_bytes_and_drops_what_was_used_least_recently() -> None:
    room = 10
    cache = Cache(room * (OVERHEAD_BYTES + 100))
    for number in range(room):
        fill(cache, (b"%d" % number,), b"x" * 99)
    assert len(cache) == room
    assert cache.get((b"0",)) is not None
    fill(cache, (b"a",), b"x" * 99)
    assert cache.get((b"1",)) is None
    assert cache.get((b"0",)) is not None
    for number in range(1_000):
        fill(cache, (b"%03d" % number,), b"x" * 97)
    assert cache.size <= room * (OVERHEAD_BYTES + 100)
    assert len(cache) == room


def test_what_would_take_much_of_it_is_not_kept() -> None:
    cache = Cache(80 * OVERHEAD_BYTES)
    fill(cache, ("big",), b"x" * (10 * OVERHEAD_BYTES))
    fill(cache, ("fits",), b"x" * (8 * OVERHEAD_BYTES))
    assert cache.get(("big",)) is None
    assert cache.get(("fits",)) is not None


def test_without_room_nothing_is_kept() -> None:
    cache = Cache(0)
    fill(cache, ("k",), b"")
    assert (cache.get(("k",)), len(cache), cache.size) == (None, 0, 0)


def test_a_stream_is_for_who_asked_for_it() -> None:
    """Those who waited make their own, those who come later do not wait; a new state forgets it."""
    cache, made = Cache(1 << 20), list[Answer]()
    cache.enter(STATE)

    async def nothing() -> AsyncGenerator[bytes, None]:
        yield b""

    async def make() -> Answer:
        await asyncio.sleep(0)
        made.append(Answer(200, {}, chunks=nothing()))
        return made[-1]

    async def several() -> list[tuple[Answer, str]]:
        found = list(await asyncio.gather(*(cache.compute(("k",), make) for _ in range(3))))
        return [*found, await cache.compute(("k",), make)]

    found = asyncio.run(several())
    assert [result for _, result in found] == ["miss"] * 4
    assert {id(answer) for answer, _ in found} == {id(answer) for answer in made}
    assert len(made) == 4
    assert len(cache) == 0
    cache.enter(LATER)
    calls = list[int]()

    async def shared() -> list[str]:
        return [
            result
            for _, result in await asyncio.gather(
                *(cache.compute(("k",), making(answer(), calls)) for _ in range(3))
            )
        ]

    assert sorted(asyncio.run(shared())) == ["joined", "joined", "miss"]
