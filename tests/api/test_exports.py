"""Exports: ``limit=all`` gives every row of one run, in batches, or visibly breaks off."""

import gzip
from collections.abc import Callable

import pytest
from backports import zstd

from app.errors import AppError
from app.serving import export, store
from app.serving.errors import Saturated, StatementTimeout
from tests.api.conftest import FIRST, SECOND
from tests.api.test_formats import LISTINGS, TYPES
from tests.support.asgi import ask
from tests.support.http import Api
from tests.support.movies import LATER, MOVIES
from tests.support.parsed import FILES, exact
from tests.support.world import World

PATH = "/v1/aggregates/production-company-genres"
DECODED: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.decompress,
    "zstd": zstd.decompress,
}


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "SMALL_BYTES", 0)
    monkeypatch.setattr(export, "ROWS", 3)
    monkeypatch.setattr(export, "SORTED_ROWS", 5)


def every_row(api: Api, path: str, **asked: str) -> list[dict[str, object]]:
    return exact([row for page in api.walk(path, limit=1000, **asked) for row in page])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("path", LISTINGS)
def test_every_row_is_in_the_file(api: Api, path: str, name: str) -> None:
    sent = ask(api, f"{path}?limit=all&format={name}")
    assert (sent.status, sent.ended, sent.error) == (200, True, None)
    assert sent.headers["content-type"] == TYPES[name]
    assert sent.headers["run-id"] == FIRST
    assert "link" not in sent.headers
    assert "content-length" not in sent.headers
    assert FILES[name](sent.body) == every_row(api, path)


@pytest.mark.parametrize(
    "asked",
    [
        {"sort": "-avg_popularity"},
        {"sort": "avg_popularity,-company"},
        {"sort": "-company_id,genre", "fields": "genre,company"},
        {"rollup": "years", "fields": "company_id,genre_id,revenue,avg_popularity"},
        {"rollup": "years", "sort": "-popularity"},
        {"year_from": "1996", "genre": "drama"},
        {"run": SECOND},
        {"genre": "western"},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", FILES)
def test_order_fields_and_filters_hold(api: Api, name: str, asked: dict[str, str]) -> None:
    query = "&".join(f"{key}={value}" for key, value in asked.items())
    sent = ask(api, f"{PATH}?{query}&limit=all&format={name}")
    assert FILES[name](sent.body) == every_row(api, PATH, **asked)


@pytest.mark.parametrize("encoding", DECODED)
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_encoded_as_it_goes(api: Api, name: str, encoding: str) -> None:
    sent = ask(api, f"{PATH}?limit=all&format={name}", {"Accept-Encoding": encoding})
    used = "identity" if name == "parquet" else encoding
    assert sent.headers.get("content-encoding", "identity") == used
    assert FILES[name](DECODED[used](sent.body)) == every_row(api, PATH)


def test_a_cursor_is_gone_on_from(api: Api) -> None:
    for sort in ("", "&sort=-revenue"):
        page = api.get(f"{PATH}?limit=4{sort}").json()
        rest = ask(api, f"{PATH}?limit=all&format=csv{sort}&cursor={page['meta']['next_cursor']}")
        whole = ask(api, f"{PATH}?limit=all&format=csv{sort}")
        assert exact(page["data"]) + FILES["csv"](rest.body) == FILES["csv"](whole.body)


@pytest.mark.parametrize("accept", [None, "application/json", "*/*"])
def test_json_comes_in_pages(api: Api, accept: str | None) -> None:
    answer = api.get(PATH, headers={"Accept": accept}, limit="all")
    assert answer.status_code == 400
    assert [error["parameter"] for error in answer.json()["errors"]] == ["limit"]
    assert "ndjson" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("year=x", 400),
        ("limit=5", 400),
        ("cursor=x", 400),
        ("run=nothing", 404),
        ("rollup=years&sort=year", 400),
    ],
)
def test_what_is_wrong_is_said_before_a_file_begins(api: Api, query: str, status: int) -> None:
    answer = api.get(f"{PATH}?limit=all&format=csv&{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("error", [StatementTimeout("too long"), Saturated("too many")])
def test_so_is_that_the_store_has_no_time(api: Api, monkeypatch: pytest.MonkeyPatch, error: AppError) -> None:
    async def fail(*_: object, bulk: bool = False) -> object:
        if bulk:
            raise error
        return await read(*_)  # type: ignore[arg-type] # passed on as they came

    read = store.MartStore.read
    monkeypatch.setattr(store.MartStore, "read", fail)
    answer = api.get(f"{PATH}?limit=all&format=csv")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


def test_nothing_published_and_pruned_runs_are_problems(fresh: tuple[Api, World]) -> None:
    api, world = fresh
    assert api.get(PATH, limit="all", format="csv").status_code == 503
    for run, movies in ((FIRST, MOVIES), (SECOND, LATER)):
        world.add(run, movies)
        world.publish(run)
    cursor = api.get(PATH, run=FIRST, limit=1).json()["meta"]["next_cursor"]
    world.prune(FIRST)
    assert api.get(PATH, limit="all", format="csv", run=FIRST).status_code == 409
    assert api.get(PATH, limit="all", format="csv", run=FIRST, cursor=cursor).status_code == 409


@pytest.mark.parametrize("name", FILES)
def test_head_reads_no_further(api: Api, reads: list[bool], name: str) -> None:
    sent = ask(api, f"{PATH}?limit=all&format={name}", method="HEAD")
    assert (sent.status, sent.body, sent.ended) == (200, b"", True)
    assert sent.headers["content-type"] == TYPES[name]
    assert sent.headers["etag"] == ask(api, f"{PATH}?limit=all&format={name}").headers["etag"]
    assert ask(api, f"{PATH}?limit=all&format={name}&run=nothing", method="HEAD").status == 404
    assert reads[:2] == [False, True]


def test_304_reads_no_row(api: Api, reads: list[bool]) -> None:
    target = f"{PATH}?limit=all&format=csv"
    tag = ask(api, target, method="HEAD").headers["etag"]
    reads.clear()
    sent = ask(api, target, {"If-None-Match": tag})
    assert (sent.status, sent.body) == (304, b"")
    assert reads == [False]
    assert ask(api, target, {"If-None-Match": tag, "Accept-Encoding": "gzip"}).status == 200
    assert ask(api, f"{PATH}?limit=1000&format=csv", {"If-None-Match": tag}).status == 200


def test_a_file_is_read_for_each_who_asks(api: Api, reads: list[bool]) -> None:
    target = f"{PATH}?limit=all&format=csv&year=1998"
    first = ask(api, target)
    batches = len(reads)
    assert batches > 3
    assert ask(api, target).body == first.body
    assert len(reads) == 2 * batches


@pytest.mark.parametrize("spelled", ["limit=%61ll", "%6cimit=all", "limit=a%6Cl&"])
def test_another_spelling_is_the_same(api: Api, spelled: str) -> None:
    sent = ask(api, f"{PATH}?{spelled}&format=csv")
    assert FILES["csv"](sent.body) == every_row(api, PATH)


def test_a_client_that_leaves_stops_the_reading(api: Api, reads: list[bool]) -> None:
    ask(api, f"{PATH}?limit=all&format=csv", at_part=lambda number: number < 3)
    assert reads.count(True) == 3


def test_a_publish_meanwhile_changes_nothing(fresh: tuple[Api, World]) -> None:
    api, world = fresh
    world.add(FIRST, MOVIES)
    world.add(SECOND, LATER)
    world.publish(FIRST)
    whole = every_row(api, PATH)

    def publish(number: int) -> bool:
        if number == 2:
            world.publish(SECOND)
        return True

    sent = ask(api, f"{PATH}?limit=all&format=csv", at_part=publish)
    assert sent.ended
    assert FILES["csv"](sent.body) == whole


@pytest.mark.parametrize("name", FILES)
def test_a_file_whose_run_is_pruned_breaks_off(fresh: tuple[Api, World], name: str) -> None:
    api, world = fresh
    world.add(FIRST, MOVIES)
    world.add(SECOND, LATER)
    world.publish(FIRST)

    def prune(number: int) -> bool:
        if number == 1:
            world.publish(SECOND)
            world.prune(FIRST)
        return True

    sent = ask(api, f"{PATH}?limit=all&format={name}", at_part=prune)
    assert sent.status == 200
    assert not sent.ended
    assert sent.error is not None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_place_is_free_again_however_a_file_ends(
    fresh: tuple[Api, World], monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    api, world = fresh
    world.add(FIRST, MOVIES)
    world.publish(FIRST)
    monkeypatch.setattr(export, "_places", export._Places(1))
    target = f"{PATH}?limit=all&format=csv"

    def second(number: int) -> bool:
        if number == 2:
            world.add(SECOND, LATER)
            world.publish(SECOND)
            world.prune(FIRST)
        return True

    for _ in range(3):
        assert ask(api, target, method=method).ended
        assert ask(api, f"{target}&run=nothing", method=method).status == 404
        ask(api, target, method=method, at_part=lambda number: number < 2)
    assert ask(api, target, at_part=second).error is not None
    assert ask(api, target, method=method).ended


def test_a_file_that_has_begun_waits_for_its_turn(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[int] = []
    read = store.MartStore.read

    async def now_and_then(self: store.MartStore, question: object, *, bulk: bool = False) -> object:
        refused.append(len(refused))
        if bulk and len(refused) % 3 == 0:
            raise Saturated("too many")
        return await read(self, question, bulk=bulk)  # type: ignore[arg-type] # passed on as it came

    monkeypatch.setattr(store.MartStore, "read", now_and_then)
    monkeypatch.setattr(export, "_AGAIN_S", 0.001)
    sent = ask(api, f"{PATH}?limit=all&format=csv")
    assert sent.ended
    assert len(FILES["csv"](sent.body)) > 20
