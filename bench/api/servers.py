"""Servers as processes: started on a free port, waited for, looked at from outside, and stopped."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bench.measure import MIB, app, python

HOST = "127.0.0.1"
STARTS_WITHIN_S = 60
PORT = "{port}"  # stands in a command for the port to listen on
_POLL_S = 0.005
_RESTS_WITHIN_S = 5
_LOOK_S = 0.1
_MORE_PORTS = ("{port2}", "{port3}")  # for programs that also listen where nobody asked them to


@dataclass(frozen=True)
class Memory:
    """Of a server and the processes it started, in bytes: resident, and with shared pages split."""

    rss: int
    pss: int

    def __str__(self) -> str:
        """Return both in MiB."""
        return f"{self.rss / MIB:,.0f} / {self.pss / MIB:,.0f}"


@dataclass(frozen=True)
class Server:
    """A running server, and the seconds from its start to its first answer."""

    url: str
    pid: int
    ready_s: float

    def memory(self) -> Memory:
        """Return what the process tree holds now."""
        sizes = [_sizes(pid) for pid in _tree(self.pid)]
        return Memory(sum(size.rss for size in sizes), sum(size.pss for size in sizes))

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let the server run in this block only: some go on working for clients that are gone."""
        self.wake()
        yield
        self._settle()
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it run."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for pid in _tree(self.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _settle(self) -> None:
        """Wait a little for such work to end."""
        until, spent = time.monotonic() + _RESTS_WITHIN_S, self._ticks()
        while time.monotonic() < until:
            time.sleep(_LOOK_S)
            before, spent = spent, self._ticks()
            if spent - before <= 1:
                return

    def _ticks(self) -> int:
        return sum(_ticks(pid) for pid in _tree(self.pid))


class NotAvailable(Exception):
    """A contestant cannot take part, and why."""


@contextmanager
def serving(
    command: Sequence[str], environment: Mapping[str, str], log: Path, ready: str = "/"
) -> Iterator[Server]:
    """Run a server whose command names ``PORT``, until the end of the block.

    Raises:
        NotAvailable: it ended, or did not answer ``ready`` in time.
    """
    with ExitStack() as probes:
        ports = {name: _free_port(probes) for name in (PORT, *_MORE_PORTS)}
    words = list(command)
    for name, port in ports.items():
        words = [word.replace(name, str(port)) for word in words]
    url = f"http://{HOST}:{ports[PORT]}"
    settings = {**os.environ, **environment}
    started = time.perf_counter()
    with log.open("ab") as output:
        child = subprocess.Popen(words, env=settings, stdout=output, stderr=output)
    server = Server(url, child.pid, 0)
    try:
        _await(child, url + ready, log)
        server = replace(server, ready_s=time.perf_counter() - started)
        yield server
    finally:
        if child.poll() is None:
            child.terminate()
            server.wake()
        try:
            child.wait(STARTS_WITHIN_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def app_serve(workers: int = 1) -> list[str]:
    """Return the command of the program under test."""
    return app("serve", "--host", HOST, "--port", PORT, "--workers", str(workers))


def uvicorn(application: str, workers: int = 1) -> list[str]:
    """Return the command of an application on uvicorn as it comes, without its access log."""
    quiet = ("--no-access-log", "--log-level", "warning", "--no-server-header")
    where = ("--host", HOST, "--port", PORT, "--workers", str(workers))
    return python("-m", "uvicorn", application, *quiet, *where)


def python_module(module: str) -> list[str]:
    """Return the command of a module that takes a port."""
    return python("-m", module, PORT)


def _free_port(probes: ExitStack) -> int:
    probe = probes.enter_context(socket.socket())
    probe.bind((HOST, 0))
    port: int = probe.getsockname()[1]
    return port


def _await(child: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    """Wait until the server answers anything below 500: that it is up, whatever it thinks of the path."""
    until = time.monotonic() + STARTS_WITHIN_S
    while child.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(url, timeout=STARTS_WITHIN_S).close()
        except urllib.error.HTTPError as answer:
            answer.close()
            if answer.code < 500:
                return
        except OSError:
            pass  # it does not listen yet
        else:
            return
        time.sleep(_POLL_S)
    last = log.read_text(errors="replace").strip().rpartition("\n")[2]
    raise NotAvailable(f"the server did not come up: {last[:200]}")


def _tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue  # the thread ended meanwhile
        found += [inner for child in children for inner in _tree(int(child))]
    return found


def _ticks(pid: int) -> int:
    """Return the processor time that a process has had, in ticks: fields 14 and 15 of proc(5)'s stat."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0  # it ended meanwhile
    return int(fields[11]) + int(fields[12])


def _sizes(pid: int) -> Memory:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return Memory(0, 0)  # it ended meanwhile
    size = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
    return Memory(size["Rss"], size["Pss"])
