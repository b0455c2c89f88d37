"""The accounts in a PostgreSQL that stops: tokens are verified on, and no new ones given until it is back."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.auth.followed import DEADLINE_S
from tests.support.postgres import PostgresServer
from tests.support.program import command
from tests.support.server import Server, serving, token
from tests.support.waiting import wait_until


@pytest.fixture
def server(tmp_path: Path, postgres: PostgresServer, postgres_url: str) -> Iterator[Server]:
    with serving(tmp_path, "--workers", "2", APP_DATABASE_URL=postgres_url) as running:
        yield running
    if not postgres.runs:
        postgres.start()


def asked(server: Server, bearer: str) -> int:
    return httpx.get(f"{server.url}/v1/runs", headers={"Authorization": f"Bearer {bearer}"}).status_code


def grant(server: Server, client: tuple[str, str]) -> httpx.Response:
    return httpx.post(f"{server.url}/oauth/token", data={"grant_type": "client_credentials"}, auth=client)


def test_stopped_and_started_again(
    tmp_path: Path, server: Server, postgres: PostgresServer, postgres_url: str
) -> None:
    made = command(
        tmp_path, "clients", "create", "demo", "--scope", "runs:read", "--json", APP_DATABASE_URL=postgres_url
    )
    document = json.loads(made.stdout)
    client = (document["client_id"], document["client_secret"])
    bearer = token(server.url, client)
    assert [asked(server, bearer) for _ in range(4)] == [200] * 4

    postgres.stop()
    refused = grant(server, client)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert postgres.password not in refused.text
    assert grant(server, ("0" * 24, "x")).status_code == 503
    assert [asked(server, bearer) for _ in range(4)] == [200] * 4

    postgres.start()
    assert wait_until(lambda: grant(server, client).status_code == 200)
    revoked = command(tmp_path, "clients", "revoke", client[0], APP_DATABASE_URL=postgres_url)
    assert revoked.status == 0
    time.sleep(DEADLINE_S)
    assert {asked(server, bearer) for _ in range(8)} == {401}
    assert postgres.password not in (tmp_path / "serve.log").read_text()


def test_commands_say_so_in_one_line(
    tmp_path: Path, server: Server, postgres: PostgresServer, postgres_url: str
) -> None:
    postgres.stop()
    for arguments in (("clients", "list"), ("keys", "rotate"), ("db", "current")):
        done = command(tmp_path, *arguments, APP_DATABASE_URL=postgres_url)
        assert (done.status, done.stdout, done.stderr.count("\n")) == (6, "", 1)
        assert "Connection refused" in done.stderr
        assert postgres.password not in done.stderr
