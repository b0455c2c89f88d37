"""A real server: ``app serve`` as a process of its own on a free port."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.program import command

STARTS_WITHIN_S = 30


@dataclass
class Server:
    """A running server."""

    url: str
    process: subprocess.Popen[str]

    def terminate(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(how)
        return self.process.wait(timeout=STARTS_WITHIN_S)


@contextmanager
def serving(
    home: Path, *options: str, program: Sequence[str] = ("-m", "app"), **settings: str
) -> Iterator[Server]:
    """Run the server until the end of the block; its log goes to ``serve.log`` in its home.

    It limits nobody, and ends without waiting for a balancer, unless a setting says so.
    ``program`` is what Python runs instead of ours.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}
    with (home / "serve.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *program, "serve", "--port", "0", "--json", *options],
            env=environment
            | {"APP_HOME": str(home), "APP_RATE_LIMIT": "off", "APP_DRAIN_DELAY": "0"}
            | settings,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert process.stdout is not None
        try:
            url = json.loads(_document(process.stdout))["url"]
            _await_ready(url, process)
            yield Server(url, process)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=STARTS_WITHIN_S)
            process.stdout.close()


def _document(lines: Iterator[str]) -> str:
    text = ""
    for line in lines:
        text += line
        if line.rstrip() == "}":
            break
    return text


def _await_ready(url: str, process: subprocess.Popen[str]) -> None:
    """Wait for an answer; connections queue from the moment the address is printed."""
    until = time.monotonic() + STARTS_WITHIN_S
    while process.poll() is None and time.monotonic() < until:
        try:
            httpx.get(f"{url}/readyz", timeout=STARTS_WITHIN_S).raise_for_status()
        except (httpx.ReadError, httpx.HTTPStatusError):
            time.sleep(0.02)
            continue
        return
    raise AssertionError(f"the server did not come up, status {process.poll()}")


def credentials(home: Path, *scopes: str) -> tuple[str, str]:
    """Make a client by the command line and return its id and secret."""
    flags = [flag for scope in scopes or ("marts:read", "runs:read") for flag in ("--scope", scope)]
    made = json.loads(command(home, "clients", "create", "test", *flags, "--json").stdout)
    return made["client_id"], made["client_secret"]


def token(url: str, client: tuple[str, str]) -> str:
    """Get an access token over HTTP."""
    answer = httpx.post(f"{url}/oauth/token", data={"grant_type": "client_credentials"}, auth=client)
    text: str = answer.raise_for_status().json()["access_token"]
    return text
