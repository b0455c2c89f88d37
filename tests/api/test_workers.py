"""What operators see of several workers: one sum, whoever is asked and whoever dies, and one log."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.server import Server, credentials, serving, token
from tests.support.waiting import wait_until

PATH = "/healthz"
ANSWERED = f'http_requests_total{{method="GET",route="{PATH}",status="200"}}'
WITHIN_S = 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, "--workers", "2") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """A client with a connection for each request, so that any worker may answer."""
    with httpx.Client(base_url=server.url, limits=httpx.Limits(max_keepalive_connections=0)) as made:
        yield made


def samples(client: httpx.Client) -> dict[str, float]:
    """Scrape once."""
    lines = client.get("/metrics").text.splitlines()
    parts = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in parts}


def ask(client: httpx.Client, times: int) -> None:
    """Ask so often, in part at the same time."""
    with ThreadPoolExecutor(8) as threads:
        assert {answer.status_code for answer in threads.map(client.get, [PATH] * times)} == {200}


def children(server: Server) -> set[int]:
    """Return the workers' processes."""
    listed = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    return {int(pid) for pid in listed.split()}


def test_any_worker_shows_what_all_have_counted(client: httpx.Client) -> None:
    ask(client, 60)
    assert wait_until(lambda: samples(client)[ANSWERED] == 60), "an answer is counted when it was sent"
    assert {samples(client)[ANSWERED] for _ in range(20)} == {60}
    assert {samples(client)["http_workers"] for _ in range(5)} == {2}


def test_nothing_is_lost_with_a_worker_that_is_killed(server: Server, client: httpx.Client) -> None:
    ask(client, 40)
    assert wait_until(lambda: samples(client)[ANSWERED] == 40), "as above"
    before = children(server)
    os.kill(min(before), signal.SIGKILL)
    until = time.monotonic() + WITHIN_S
    while len(children(server) - before) < 1 or samples(client)["http_workers"] < 2:
        assert samples(client)[ANSWERED] == 40
        assert time.monotonic() < until
    ask(client, 20)
    assert wait_until(lambda: {samples(client)[ANSWERED] for _ in range(10)} == {60}), "as above"


def test_every_request_is_in_the_log_once(server: Server, tmp_path: Path) -> None:
    bearer = credentials(tmp_path)
    with httpx.Client(base_url=server.url) as client:
        client.headers["Authorization"] = f"Bearer {token(server.url, bearer)}"
        answers = [client.get(f"/v1/runs?limit={number}") for number in (5, 6, 0)]
        refused = client.get("/v1/runs?access_token=s3kr1t")
    assert server.terminate() == 0
    text = (tmp_path / "serve.log").read_text()
    logged = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    lines = {line["request_id"]: line for line in logged}
    assert len(lines) == len(logged)
    for answer, query in zip(answers, ("limit=5", "limit=6", "limit=0"), strict=True):
        line = lines[answer.headers["x-request-id"]]
        assert (line["status"], line["query"]) == (answer.status_code, query)
        assert line["client_id"] == bearer[0]
        assert line["client"] == "127.0.0.1"
        assert line["route"] == line["path"] == "/v1/runs"
        assert line["bytes"] == int(answer.headers["content-length"])
    assert lines[refused.headers["x-request-id"]]["query"] == "access_token=***"
    assert "s3kr1t" not in text


def test_the_log_can_be_turned_off(tmp_path: Path) -> None:
    with serving(tmp_path, APP_ACCESS_LOG="off") as server:
        httpx.get(f"{server.url}{PATH}")
        server.terminate()
    assert PATH not in (tmp_path / "serve.log").read_text()
