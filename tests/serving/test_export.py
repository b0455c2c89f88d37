"""Exports of a large mart over real sockets: what they cost the server, and how they end."""

import sqlite3
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from app.database import open_engine
from app.main import create_app
from app.server.limits import Limits
from app.serving import export, store
from app.settings import Settings
from tests.support.http import authorized
from tests.support.parsed import FILES
from tests.support.server import Server, credentials, serving, token
from tests.support.wire import Wire, request, running
from tests.support.world import World

COMPANIES, YEARS = 15_000, 10
PATH = "/v1/aggregates/production-companies?limit=all"
LARGE, OTHER = "20250101T000000Z-large", "20250201T000000Z-other"
MOST_BYTES = 100 * 2**20


def fill(home: Path) -> World:
    """Publish a run with 150,000 rows of companies by year; each number tells which row it is of."""
    settings = Settings(home=home, _env_file=None)
    world = World(open_engine(settings.warehouse))
    world.add(LARGE, ())
    world.add(OTHER, ())
    numbers = "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)"
    row = "c.n, 2000 + y.n, 1, c.n, 1, y.n, 1, y.n - c.n, 1, c.n * 1000 + y.n, 1, c.n * 1000 + y.n"
    columns = "company_id, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known"
    with closing(sqlite3.connect(home / "warehouse.sqlite")) as connection, connection:
        connection.execute(
            f"{numbers} INSERT INTO dim_production_company (run, id, name, search_key)"  # noqa: S608 - of our own
            " SELECT 1, n, 'Company \"' || n || '\"', 'company' FROM number",
            (COMPANIES,),
        )
        connection.execute(
            f"{numbers} INSERT INTO mart_company_year (run, {columns}, popularity, popularity_known,"  # noqa: S608 - of our own
            f" avg_popularity) SELECT 1, {row} FROM number AS c, number AS y WHERE y.n <= {YEARS}",
            (COMPANIES,),
        )
    world.publish(LARGE)
    return world


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Server, dict[str, str]]]:
    """A process of its own, so that its memory is its own, and headers to ask it with."""
    create_app(Settings(home=tmp_path, access_log="off", _env_file=None)).state.open.close()
    fill(tmp_path).engine.dispose()
    with serving(tmp_path, APP_ACCESS_LOG="off") as running:
        yield running, {"Authorization": f"Bearer {token(running.url, credentials(tmp_path))}"}


def memory(server: Server, what: str) -> int:
    """Return bytes of the server: ``VmRSS`` now, ``VmHWM`` at most."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("name", FILES)
def test_a_large_file_takes_little_memory_and_leaves_others_their_time(
    server: tuple[Server, dict[str, str]], name: str
) -> None:
    process, headers = server
    with httpx.Client(base_url=process.url, headers=headers, timeout=60) as client:
        peace = [seconds(client, number) for number in range(50)]
        before = memory(process, "VmRSS")
        found: list[bytes] = []
        download = threading.Thread(target=lambda: found.append(client.get(f"{PATH}&format={name}").content))
        download.start()
        meanwhile = [seconds(client, number) for number in range(50, 5000) if download.is_alive()]
        download.join()
        assert memory(process, "VmHWM") - before < MOST_BYTES
    rows = FILES[name](found[0])
    assert len(rows) == COMPANIES * YEARS
    assert [(row["company_id"], row["year"]) for row in rows[:2]] == [(1, 2001), (1, 2002)]
    assert len({(row["company_id"], row["year"]) for row in rows}) == len(rows)
    assert rows[-1]["company"] == f'Company "{COMPANIES}"'
    assert len(meanwhile) > 5
    assert statistics.median(meanwhile) < 5 * statistics.median(peace) + 0.01


def seconds(client: httpx.Client, number: int) -> float:
    """Ask something that nobody asked before, and return how long it took."""
    started = time.perf_counter()
    answer = client.get(f"/v1/aggregates/production-companies?limit=50&company_id={number + 1}")
    assert answer.status_code == 200
    return time.perf_counter() - started


class Slow:
    """An application with the large mart behind our server in this process, and a client that may wait."""

    def __init__(self, home: Path) -> None:
        self.app: FastAPI = create_app(
            Settings(home=home, rate_limit="off", access_log="off", _env_file=None)
        )
        self.world = fill(home)
        api = authorized(self.app)
        api.runner.close()
        self.headers = f"Authorization: Bearer {api.token}"
        self.parts = 0

    def settled(self) -> int:
        """Wait until no part is read any more, and return how many were."""
        before = -1
        while before != self.parts or not self.parts:
            before = self.parts
            time.sleep(0.3)
        return before


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slow:
    made = Slow(tmp_path)
    read = store.MartStore.read

    async def counted(self: store.MartStore, question: object, *, bulk: bool = False) -> object:
        made.parts += bulk
        return await read(self, question, bulk=bulk)  # type: ignore[arg-type] # passed on as it came

    monkeypatch.setattr(store.MartStore, "read", counted)
    return made


def test_no_more_is_read_than_a_client_takes(slow: Slow) -> None:
    with running(slow.app, Limits(drain_delay_s=0)) as (_, port):
        with Wire(port, receive_buffer=8192) as wire:
            wire.send(request(f"{PATH}&format=ndjson", slow.headers))
            waiting = slow.settled()
            assert 0 < waiting < COMPANIES * YEARS / 4_000 / 2
        assert slow.settled() <= waiting + 1


def test_no_more_files_are_sent_at_once_than_there_are_places(
    slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_places", export._Places(1))
    with running(slow.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as other:
        with Wire(port, receive_buffer=8192) as wire:
            wire.send(request(f"{PATH}&format=ndjson", slow.headers))
            slow.settled()
            refused = other.get(f"{PATH}&format=csv", slow.headers)
            assert refused.status == 503
            assert int(refused.headers["retry-after"]) > 0
            assert other.get("/v1/aggregates/production-companies?limit=5", slow.headers).status == 200
        ends = time.monotonic() + 10
        while other.get(f"{PATH}&format=csv&year=2001", slow.headers).status == 503:
            assert time.monotonic() < ends
            time.sleep(0.05)


def test_a_file_that_breaks_off_does_not_look_whole(slow: Slow) -> None:
    with running(slow.app, Limits(drain_delay_s=0)) as (_, port), Wire(port, receive_buffer=8192) as wire:
        wire.send(request(f"{PATH}&format=csv", slow.headers))
        slow.settled()
        slow.world.publish(OTHER)
        slow.world.prune(LARGE)
        with pytest.raises((EOFError, ValueError, ConnectionResetError)):
            wire.answer()


def test_a_whole_file_ends_as_one(slow: Slow) -> None:
    with running(slow.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as wire:
        answer = wire.get(f"{PATH}&format=csv", slow.headers, "Accept-Encoding: identity")
        assert answer.status == 200
        assert len(FILES["csv"](answer.body)) == COMPANIES * YEARS
        assert wire.get("/healthz").status == 200
