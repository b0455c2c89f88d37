"""A real Redis, without files, on a free port."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import pytest

from tests.support.ports import free_port
from tests.support.waiting import wait_until

PROGRAM = shutil.which("redis-server")
needs_redis = pytest.mark.skipif(PROGRAM is None, reason="redis-server is not installed")


@dataclass
class RedisServer:
    """A server that can be stopped, held up and started again."""

    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        assert PROGRAM is not None
        options = ("--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no")
        self.process = subprocess.Popen([PROGRAM, *options], stdout=subprocess.DEVNULL)
        assert wait_until(self._answers, 10)

    def stop(self) -> None:
        """End it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=10)

    def _answers(self) -> bool:
        try:
            return self.say("PING") == "+PONG"
        except OSError:
            return False

    def say(self, command: str) -> str:
        """Send one command in Redis' plain form and return the first line of what it answers."""
        return self.ask(command).splitlines()[0]

    def ask(self, command: str) -> str:
        """Send one command and return all that came at once."""
        with closing(socket.create_connection(("127.0.0.1", self.port), timeout=5)) as connection:
            connection.sendall(command.encode() + b"\r\n")
            return connection.recv(65_536).decode()

    def taken(self) -> int:
        """Return how often a script has run."""
        lines = self.ask("INFO commandstats").splitlines()
        counts = [line for line in lines if line.startswith(("cmdstat_evalsha:", "cmdstat_eval:"))]
        return sum(int(line.partition("calls=")[2].partition(",")[0]) for line in counts)


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Run a server until the end of the block."""
    server = RedisServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()
