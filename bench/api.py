"""One API worker under wrk, beside a bare ASGI application on the same uvicorn settings and body."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.etl import REAL, sample
from bench.measure import MIB, app, console, cost, median, python, reap, show

QUERY = "/v1/aggregates/genres?limit=50"
SECONDS = 5
HOST = "127.0.0.1"


@dataclass
class Server:
    """A running server, and after its end its largest resident set."""

    url: str
    peak: int = 0
    rates: list[float] = field(default_factory=list)
    slowest: list[str] = field(default_factory=list)


def benchmark(rounds: int) -> None:
    """Serve the real delivery (or a sample), and measure in turn."""
    if shutil.which("wrk") is None:
        console.print("wrk is missing: the API is not measured")
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        environment = _prepared(Path(folder))
        with _served(app("serve", "--host", HOST, "--port"), environment) as api:
            header = f"Authorization: Bearer {_token(api.url, environment)}"
            body = Path(folder) / "body.json"
            body.write_bytes(_get(api.url + QUERY, header))
            bare_environment = environment | {"BENCH_BODY": str(body)}
            with _served(_uvicorn(), bare_environment) as bare:
                for _ in range(rounds):
                    _load(bare, header)
                    _load(api, header)
        _report({"bare ASGI application": bare, "app serve": api}, body.stat().st_size, rounds)


def _prepared(folder: Path) -> dict[str, str]:
    """Publish a run in a home of its own."""
    environment = {"APP_HOME": str(folder / "home"), "APP_RATE_LIMIT": "off"}
    delivery = REAL if REAL.exists() else sample(45_466, folder)
    cost(app("etl", "run", str(delivery), "--json"), environment)
    return environment


def _uvicorn() -> list[str]:
    quiet = ("--no-access-log", "--log-level", "warning", "--no-server-header")
    return python("-m", "uvicorn", "bench.bare_asgi:application", *quiet, "--host", HOST, "--port")


@contextmanager
def _served(command: list[str], environment: dict[str, str]) -> Iterator[Server]:
    """Start a server on a free port and stop it at the end."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    url = f"http://{HOST}:{port}"
    settings = {**os.environ, **environment, "APP_ISSUER": url}
    child = subprocess.Popen([*command, str(port)], env=settings, text=True)
    server = Server(url)
    try:
        _wait(child, port)
        yield server
    finally:
        child.terminate()
        server.peak = reap(child)


def _wait(child: "subprocess.Popen[str]", port: int) -> None:
    """Wait until the server listens."""
    while child.poll() is None:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"the server ended with {child.returncode}")


def _token(url: str, environment: dict[str, str]) -> str:
    """Create a client and return an access token of its own."""
    created = cost(app("clients", "create", "bench", "--scope", "marts:read", "--json"), environment)
    client = json.loads(created.output)
    credentials = b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
    form = urllib.parse.urlencode({"grant_type": "client_credentials"}).encode()
    request = urllib.request.Request(f"{url}/oauth/token", form, {"Authorization": f"Basic {credentials}"})
    with urllib.request.urlopen(request) as answer:
        return str(json.load(answer)["access_token"])


def _get(url: str, header: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers=dict([header.split(": ", 1)]))) as answer:
        content: bytes = answer.read()
        return content


def _load(server: Server, header: str) -> None:
    """Drive the server for a few seconds over 32 connections of one thread."""
    wrk = ["wrk", "-t1", "-c32", f"-d{SECONDS}s", "--latency", "-H", header, server.url + QUERY]
    output = subprocess.run(wrk, check=True, stdout=subprocess.PIPE, text=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        console.print(output)
    server.rates.append(float(_found(r"Requests/sec:\s+([\d.]+)", output)))
    server.slowest.append(_found(r"99%\s+(\S+)", output))


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"wrk said: {text}")
    return match[1]


def _report(servers: dict[str, Server], size: int, rounds: int) -> None:
    title = f"one worker, GET {QUERY} ({size:,} bytes), wrk -t1 -c32, {SECONDS} s a run"
    runs = (f"run {number}, req/s" for number in range(1, rounds + 1))
    bare = median(next(iter(servers.values())).rates)
    rows = [
        [
            name,
            *(f"{rate:,.0f}" for rate in server.rates),
            f"{median(server.rates):,.0f}",
            f"{median(server.rates) / bare:.3f}",
            server.slowest[-1],
            f"{server.peak / MIB:,.0f}",
        ]
        for name, server in servers.items()
    ]
    show(title, ("", *runs, "median", "this / bare", "p99", "peak, MiB"), rows)
