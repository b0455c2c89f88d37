"""All are asked the same: a question's path and its SQL select the same rows in the same order."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from app.etl.sample import write_sample
from bench.api import questions
from bench.api.marts import Marts
from bench.api.others import datasette_ask, roapi_ask
from tests.support.program import produce
from tests.support.server import credentials, serving, token

KEYS = ("year", "genre_id", "company_id", "id")
EACH = 12
Row = list[int]


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Marts:
    home = tmp_path_factory.mktemp("home")
    write_sample(3_000, 1, home / "sample.csv")
    produce(home, home / "sample.csv", publish=True)
    return Marts("a sample", home, home)


@pytest.fixture(scope="module")
def client(marts: Marts) -> Iterator[httpx.Client]:
    with serving(marts.home) as server:
        bearer = {"Authorization": f"Bearer {token(server.url, credentials(marts.home))}"}
        with httpx.Client(base_url=server.url, headers=bearer) as opened:
            yield opened


def _keys(row: dict[str, int]) -> Row:
    return [row[key] for key in KEYS if key in row]


def _by_path(client: httpx.Client, path: str) -> list[Row]:
    return [_keys(row) for row in client.get(path).raise_for_status().json()["data"]]


def _by_sql(marts: Marts, statement: str) -> list[Row]:
    """Run the statement that Datasette gets, read back from its request."""
    asked = httpx.URL(f"http://localhost{datasette_ask(statement).path}").params["sql"]
    with closing(sqlite3.connect(marts.store)) as connection:
        connection.row_factory = sqlite3.Row
        return [_keys(dict(row)) for row in connection.execute(asked)]


def test_paths_and_sql_select_the_same_rows(marts: Marts, client: httpx.Client) -> None:
    about = questions.known(marts)
    kinds = questions.by_kind(about, questions.draw(about, []))
    assert len(kinds) == len(questions.KINDS) + 1
    for kind, asked in kinds.items():
        for question in asked[:EACH]:
            expected = _by_sql(marts, question.sql)
            assert _by_path(client, question.path) == expected, f"{kind}: {question.path}"


def test_a_page_by_cursor_is_the_page_after_a_row(marts: Marts, client: httpx.Client) -> None:
    page = client.get("/v1/aggregates/production-companies?limit=50").raise_for_status().json()
    last = page["data"][-1]
    question = questions.page_after(1, page["links"]["next"], last["company_id"], last["year"])
    assert _by_path(client, question.path) == _by_sql(marts, question.sql)


def test_no_question_is_drawn_twice(marts: Marts) -> None:
    about = questions.known(marts)
    paths = [question.path for question in questions.draw(about, [])]
    assert len(set(paths)) == len(paths)


def test_the_same_questions_in_every_run(marts: Marts) -> None:
    first, second = (questions.draw(questions.known(marts), []) for _ in range(2))
    assert first == second


def test_roapi_has_one_run_and_names_none(marts: Marts) -> None:
    about = questions.known(marts)
    question = questions.KINDS[0](about)
    sent = roapi_ask(question.sql).body
    assert sent is not None
    assert "run" not in sent
    assert "{" not in json.dumps(sent)
