"""``app serve`` as people run it: over real sockets, with one worker and with two."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.database import open_engine, ready
from app.settings import Settings
from tests.api.conftest import FIRST, SECOND
from tests.support.movies import LATER, MOVIES
from tests.support.program import command, environment
from tests.support.server import Server, credentials, serving, token
from tests.support.waiting import wait_until
from tests.support.world import World

PATH = "/v1/aggregates/production-company-genres"


def world_in(home: Path) -> World:
    url = Settings(home=home, _env_file=None).warehouse
    world = World(ready(open_engine(url), "warehouse"))
    world.add(FIRST, MOVIES)
    world.add(SECOND, LATER)
    world.publish(FIRST)
    return world


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serve")
    world_in(folder)
    return folder


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    with serving(home) as running:
        yield running


def test_it_answers_over_the_wire(server: Server, home: Path) -> None:
    with httpx.Client(base_url=server.url) as client:
        assert client.get(PATH).status_code == 401
        client.headers["Authorization"] = f"Bearer {token(server.url, credentials(home))}"
        answer = client.get(PATH, params={"limit": 3})
        assert answer.status_code == 200
        assert answer.json()["meta"]["run_id"] == FIRST
        assert "server" not in answer.headers
        head = client.head(PATH, params={"limit": 3})
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == answer.headers["content-length"]
        following = client.get(answer.json()["links"]["next"])
        assert following.status_code == 200
        assert (
            client.get(
                PATH, headers={"If-None-Match": answer.headers["etag"]}, params={"limit": 3}
            ).status_code
            == 304
        )


def test_a_port_in_use_is_one_line_and_status_2(server: Server, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    done = command(tmp_path, "serve", "--port", port)
    assert done.status == 2
    assert done.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in done.stderr


def test_an_unknown_host_is_one_line_and_status_2(tmp_path: Path) -> None:
    done = command(tmp_path, "serve", "--host", "192.0.2.1", "--port", "0")
    assert (done.status, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize(("how", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_ends_when_told(tmp_path: Path, how: signal.Signals, status: int) -> None:
    with serving(tmp_path) as server:
        assert server.terminate(how) == status
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.url}/healthz")


def test_a_request_in_flight_is_answered(tmp_path: Path) -> None:
    body = b"grant_type=client_credentials"
    head = (
        b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: %d\r\nConnection: close\r\n\r\n"
    )
    with serving(tmp_path) as server:
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(head % len(body) + body[:5])
            httpx.get(f"{server.url}/healthz")
            server.process.send_signal(signal.SIGTERM)
            while _listens(port):
                time.sleep(0.01)
            connection.sendall(body[5:])
            assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 401")
        assert server.process.wait(timeout=20) == 0


def test_it_serves_though_nobody_reads_where(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    reader, writer = os.pipe()
    os.close(reader)
    program = [sys.executable, "-m", "app", "serve", "--port", str(port)]
    with subprocess.Popen(program, env=environment(tmp_path, APP_DRAIN_DELAY="0"), stdout=writer) as server:
        os.close(writer)
        try:
            assert wait_until(lambda: _listens(port))
            assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=20).status_code == 200
            server.terminate()
            assert server.wait(20) == 0
        finally:
            server.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_two_workers_answer_as_one(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    a_connection_each = httpx.Limits(max_keepalive_connections=0)  # so that either worker may answer
    with (
        serving(tmp_path, "--workers", "2") as server,
        httpx.Client(base_url=server.url, limits=a_connection_each) as client,
    ):
        client.headers["Authorization"] = f"Bearer {token(server.url, credentials(tmp_path))}"
        get = client.get
        first = get(f"{PATH}?limit=1")
        world.publish(SECOND)
        asked = f"{PATH}?limit=1"
        assert wait_until(lambda: {get(asked).headers["run-id"] for _ in range(20)} == {SECOND}, seconds=1)
        page, seen = first.json(), 1
        while page["links"]["next"]:
            answer = get(page["links"]["next"])
            assert answer.headers["run-id"] == FIRST
            page, seen = answer.json(), seen + 1
        assert seen == len(world.rows("company_genre_year", FIRST))
        assert server.terminate() == 0
