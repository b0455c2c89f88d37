"""Formats: the same rows in each, who gets which, and what stands in headers where there is no envelope."""

import gzip
import threading
from collections.abc import Callable
from typing import Any

import pytest
from backports import zstd

from app.database import transaction
from app.marts.tables import DIMENSION_TABLES
from app.serving.formats import FORMATS
from tests.api.conftest import FIRST, SECOND
from tests.support.asgi import ask
from tests.support.http import Api
from tests.support.movies import MOVIES
from tests.support.parsed import FILES, exact
from tests.support.world import World

LISTINGS = (
    *("/v1/aggregates/years", "/v1/aggregates/genres", "/v1/aggregates/production-companies"),
    "/v1/aggregates/production-company-genres",
    *("/v1/rankings/genres", "/v1/rankings/production-companies"),
    *("/v1/dimensions/genres", "/v1/dimensions/production-companies"),
)
RUNS = ("/v1/runs", "/v1/runs/current", f"/v1/runs/{SECOND}", f"/v1/runs/{SECOND}/changes?since={FIRST}")
TYPES = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
PATH = "/v1/aggregates/genres"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("path", LISTINGS)
def test_the_rows_are_those_of_json(api: Api, path: str, name: str) -> None:
    answer = api.get(path, format=name, limit=1000)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == TYPES[name]
    assert FILES[name](answer.content) == exact(api.rows(path, limit=1000))


@pytest.mark.parametrize("name", FILES)
def test_a_mart_is_the_movies_sums(api: Api, world: World, name: str) -> None:
    answer = api.get("/v1/aggregates/production-company-genres", format=name, limit=1000)
    found = FILES[name](answer.content)
    assert found == exact(world.rows("company_genre_year"))
    assert list(found[0]) == list(world.rows("company_genre_year")[0])


@pytest.mark.parametrize("name", FILES)
def test_fields_order_and_filters_hold_in_each(api: Api, name: str) -> None:
    asked: dict[str, Any] = {"fields": "revenue,genre,avg_popularity", "sort": "-avg_popularity,genre"}
    asked |= {"year_from": 1996, "limit": 7}
    rows = FILES[name](api.get(PATH, format=name, **asked).content)
    assert rows == exact(api.rows(PATH, **asked))
    assert [list(row) for row in rows] == [["revenue", "genre", "avg_popularity"]] * 7


@pytest.mark.parametrize("name", TYPES)
def test_nothing_selected_is_an_empty_file(api: Api, name: str) -> None:
    answer = api.get(PATH, format=name, genre="western", fields="genre,popularity")
    assert answer.status_code == 200
    if name == "json":
        assert answer.json()["data"] == []
    else:
        assert FILES[name](answer.content) == []
    if name == "csv":
        assert answer.text == "genre,popularity\r\n"


@pytest.mark.parametrize("name", FILES)
def test_pages_are_walked_by_their_headers(api: Api, name: str) -> None:
    answer, found = api.get(PATH, format=name, limit=5, sort="-revenue"), []
    while True:
        assert answer.headers["run-id"] == FIRST
        found += FILES[name](answer.content)
        if "next" not in answer.links:
            break
        answer = api.get(answer.links["next"]["url"])
    assert found == exact(api.rows(PATH, sort="-revenue", limit=1000))


def test_a_cursor_goes_on_in_another_format(api: Api) -> None:
    cursor = api.get(PATH, limit=3).json()["meta"]["next_cursor"]
    rows = FILES["csv"](api.get(PATH, limit=3, cursor=cursor, format="csv").content)
    assert rows == exact(api.rows(PATH, limit=6)[3:])


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        (None, "json"),
        ("*/*", "json"),
        ("", "json"),
        (" , ,", "json"),
        (",text/csv,", "csv"),
        ("text/csv", "csv"),
        ("TEXT/CSV", "csv"),
        ("text/*", "csv"),
        ("text/csv; charset=utf-8; header=present", "csv"),
        ("application/x-ndjson", "ndjson"),
        ("application/ndjson", "ndjson"),
        ("application/jsonl", "ndjson"),
        ("application/vnd.apache.arrow.stream", "arrow"),
        ("application/vnd.apache.parquet", "parquet"),
        ("application/*", "json"),
        ("text/csv, application/json", "json"),
        ("text/csv, */*;q=0.1", "csv"),
        ("text/csv, application/json;q=0.9", "csv"),
        ("text/csv;q=0.5, application/x-ndjson;q=0.6", "ndjson"),
        ("application/json;q=0, */*", "ndjson"),
        ("application/json;q=0, application/*;q=0.1, text/*", "csv"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "json"),
        ("application/x-ndjson;q=0, application/json;q=0, application/*;q=0.5", "arrow"),
    ],
)
def test_accept_chooses(api: Api, accept: str | None, name: str) -> None:
    answer = api.get(PATH, headers={"Accept": accept})
    assert answer.headers["content-type"] == TYPES[name]


@pytest.mark.parametrize("name", TYPES)
def test_the_parameter_goes_before_accept(api: Api, name: str) -> None:
    for accept in (None, "text/html", "*/*;q=0", "text/csv"):
        answer = api.get(PATH, headers={"Accept": accept}, format=name)
        assert answer.headers["content-type"] == TYPES[name]


@pytest.mark.parametrize("accept", ["text/html", "image/*", "*/*;q=0", "rubbish"])
def test_406_names_what_there_is(api: Api, accept: str) -> None:
    answer = api.get(PATH, headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer.headers["content-type"] == "application/problem+json"
    assert all(media_type.partition(";")[0] in answer.json()["detail"] for media_type in TYPES.values())


@pytest.mark.parametrize("path", RUNS)
@pytest.mark.parametrize("name", FILES)
def test_runs_and_changes_are_json(api: Api, path: str, name: str) -> None:
    assert api.get(path, headers={"Accept": TYPES[name]}).status_code == 406
    answer = api.get(f"{path}{'&' if '?' in path else '?'}format={name}")
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["parameter"] == "format"
    assert error["detail"].endswith("one of: json")


@pytest.mark.parametrize("name", FILES)
def test_errors_are_problems_in_every_format(api: Api, name: str) -> None:
    headers = {"Accept": TYPES[name]}
    for query, status in (("year=x", 400), ("run=nothing", 404)):
        answer = api.get(f"{PATH}?{query}", headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_every_format_and_encoding_has_a_tag_of_its_own(api: Api) -> None:
    tags = [
        api.get(PATH, headers={"Accept-Encoding": encoding}, format=name).headers["etag"]
        for name in TYPES
        for encoding in ("identity", "gzip", "zstd")
    ]
    parquet = tags[-3:]
    assert len(set(parquet)) == 1  # which is compressed in itself
    assert len(set(tags)) == len(tags) - 2


@pytest.mark.parametrize("name", TYPES)
def test_304_in_every_format(api: Api, name: str) -> None:
    tag = api.get(PATH, format=name).headers["etag"]
    assert api.get(PATH, headers={"If-None-Match": tag}, format=name).status_code == 304
    other = "csv" if name == "json" else "json"
    assert api.get(PATH, headers={"If-None-Match": tag}, format=other).status_code == 200


ENCODED: list[tuple[str, str | None, Callable[[bytes], bytes]]] = [
    ("identity", None, bytes),
    ("gzip", "gzip", gzip.decompress),
    ("zstd", "zstd", zstd.decompress),
    ("gzip, deflate, br, zstd", "zstd", zstd.decompress),
    ("zstd;q=0.1, gzip", "gzip", gzip.decompress),
    ("br", None, bytes),
]


@pytest.mark.parametrize(("accepted", "encoding", "decode"), ENCODED)
@pytest.mark.parametrize("name", ["json", "csv", "arrow"])
def test_bodies_are_encoded_as_the_client_likes(
    api: Api, name: str, accepted: str, encoding: str | None, decode: Callable[[bytes], bytes]
) -> None:
    plain = ask(api, f"{PATH}?format={name}")
    sent = ask(api, f"{PATH}?format={name}", {"Accept-Encoding": accepted})
    assert sent.headers.get("content-encoding") == encoding
    assert sent.headers["vary"] == "Accept, Accept-Encoding, Authorization"
    assert int(sent.headers["content-length"]) == len(sent.body)
    assert decode(sent.body) == plain.body


def test_small_bodies_are_sent_as_they_are(api: Api) -> None:
    answer = api.get(PATH, headers={"Accept-Encoding": "gzip"}, format="csv", limit=1, fields="year")
    assert "content-encoding" not in answer.headers
    only = api.get(PATH, headers={"Accept-Encoding": "gzip, identity;q=0"}, format="csv", fields="year")
    assert only.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("path", [PATH, "/v1/runs"])
def test_406_for_a_client_that_takes_no_encoding(api: Api, path: str) -> None:
    answer = api.get(path, headers={"Accept-Encoding": "identity;q=0"})
    assert answer.status_code == 406
    assert "Accept-Encoding" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_columns_are_made_beside_the_event_loop(api: Api, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    kind, threads = type(FORMATS[name]), []
    page = kind.page

    def recorded(*given: Any) -> bytes:
        threads.append(threading.current_thread())
        return page(*given)

    monkeypatch.setattr(kind, "page", recorded)
    rows = FILES[name](api.get(PATH, format=name, limit=11).content)
    assert len(rows) == 11
    assert threading.main_thread() not in threads
    assert threads


def test_csv_is_for_people(fresh: tuple[Api, World]) -> None:
    api, world = fresh
    names = ["=1+1", "+49", "@SUM(A1)", '-cmd|" /C"', "\tx", 'Mel\'s, "A"']
    world.add(FIRST, MOVIES)
    with transaction(world.engine) as connection:
        table = DIMENSION_TABLES["production_company"]
        for company, name in enumerate(names, 1):
            connection.execute(table.update().where(table.c.id == company).values(name=name))
    world.publish(FIRST)
    body = api.get("/v1/dimensions/production-companies", format="csv", fields="name", limit=6).text
    shown = ['"\'=1+1"', '"+49"', '"\'@SUM(A1)"', '"\'-cmd|"" /C"""', '"\'\tx"', '"Mel\'s, ""A"""']
    assert body.split("\r\n")[:-1] == ["name", *shown]
    rows = api.get("/v1/dimensions/production-companies", format="ndjson", fields="name", limit=6).content
    assert [row["name"] for row in FILES["ndjson"](rows)] == names
