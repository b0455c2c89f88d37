"""Small files: read as a whole, with their length, once for all who ask, and kept."""

import asyncio

import httpx
import pytest

from app.serving import export, store
from tests.api.conftest import FIRST
from tests.api.test_exports import DECODED, PATH
from tests.support.asgi import ask
from tests.support.http import Api
from tests.support.movies import MOVIES
from tests.support.parsed import FILES
from tests.support.world import World


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "SMALL_BYTES", 0)
    monkeypatch.setattr(export, "ROWS", 3)


def test_a_file_that_has_no_place_is_read_no_further(
    api: Api, reads: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One part tells that it is not small; a small one needs no place."""
    monkeypatch.setattr(export, "SMALL_BYTES", 1_000_000)
    monkeypatch.setattr(export, "_places", export._Places(0))
    assert ask(api, f"{PATH}?limit=all&format=csv").status == 503
    assert reads.count(True) == 1
    assert ask(api, f"{PATH}?limit=all&format=csv&genre=western").status == 200


def test_json_has_no_whole_whatever_the_client_holds(api: Api) -> None:
    assert ask(api, f"{PATH}?limit=all", {"If-None-Match": "*"}).status == 400


@pytest.mark.parametrize("encoding", DECODED)
@pytest.mark.parametrize("name", FILES)
def test_a_small_file_comes_with_its_length_and_is_kept(
    fresh: tuple[Api, World], reads: list[bool], monkeypatch: pytest.MonkeyPatch, name: str, encoding: str
) -> None:
    api, world = fresh
    world.add(FIRST, MOVIES)
    world.publish(FIRST)
    target, headers = f"{PATH}?limit=all&format={name}", {"Accept-Encoding": encoding}
    streamed = ask(api, target, headers)
    monkeypatch.setattr(export, "SMALL_BYTES", len(streamed.body) - 1)
    assert "content-length" not in ask(api, target + "&", headers).headers
    monkeypatch.setattr(export, "SMALL_BYTES", len(streamed.body))
    target += "&&"
    whole = ask(api, target, headers)
    assert int(whole.headers.pop("content-length")) == len(whole.body)
    assert (whole.body, whole.ended) == (streamed.body, True)
    assert whole.headers["etag"] == streamed.headers["etag"]
    reads.clear()
    assert ask(api, target, headers).body == whole.body
    same = {"If-None-Match": whole.headers["etag"]}
    assert ask(api, target, headers | same).status == 304
    assert reads == []
    assert ask(api, target + "&", headers | same).status == 304
    assert reads == [False], "a 304 is no answer for others"
    assert ask(api, target + "&", headers).body == whole.body


def test_a_small_file_is_read_once_for_all_who_ask(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "SMALL_BYTES", 1_000_000)
    bodies, read = list[bytes](), list[int]()
    part = export._File.part

    def counted(self: export._File, snapshot: store.Snapshot) -> bytes:
        read.append(1)
        return part(self, snapshot)

    monkeypatch.setattr(export._File, "part", counted)
    target = f"{PATH}?limit=all&format=csv&fields=company,year"
    alone = ask(api, target + "&")
    batches = len(read)
    headers = {"Authorization": f"Bearer {api.token}"}

    async def stampede() -> None:
        transport = httpx.ASGITransport(api.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client:
            answers = await asyncio.gather(*(client.get(target) for _ in range(50)))
            bodies.extend(answer.content for answer in answers)

    api.runner.run(stampede())
    assert set(bodies) == {alone.body}
    assert len(read) == 2 * batches
