"""Runs and what changed between them, through the client."""

from pathlib import Path

import pytest

from app.client import Client, Forbidden, NotFound
from tests.client.conftest import FIRST, SECOND
from tests.support.movies import MOVIES
from tests.support.server import Server, credentials


def test_runs_newest_first(marts: Client) -> None:
    assert [(run["run_id"], run["status"]) for run in marts.runs()] == [
        (SECOND, "superseded"),
        (FIRST, "published"),
    ]
    (newest,) = marts.runs(fields="run_id", limit=1)
    assert dict(newest) == {"run_id": SECOND}


def test_one_run(marts: Client) -> None:
    assert marts.current_run() == marts.run(FIRST)
    assert marts.run(FIRST)["accepted"] == len(MOVIES)
    with pytest.raises(NotFound):
        marts.run("no/such run")


def test_changes_between_two_runs(marts: Client) -> None:
    found = marts.changes(SECOND, since=FIRST, mart="year").rows()
    assert [change["key"] for change in found] == [{"year": 1996}, {"year": 1999}, {"year": 2000}]
    assert found[1]["before"] is None
    assert found[1]["after"] is not None
    assert found[1]["after"]["releases"] == 1


def test_a_client_without_the_scope_is_told(home: Path, server: Server) -> None:
    client_id, secret = credentials(home, "marts:read")
    with Client(server.url, client_id=client_id, client_secret=secret) as limited:
        with pytest.raises(Forbidden, match="runs:read"):
            limited.current_run()
        assert limited.years().first() is not None
