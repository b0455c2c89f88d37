"""What a command costs together with all the processes that it starts."""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_EVERY_S = 0.05
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class TreeCost:
    """What one run of a command cost: wall-clock and processor seconds, largest resident memory in bytes.

    Memory is the most that one process held at any time or that a sample found in all of them together,
    whichever is more; pages that processes share count in each. Processor time, user and system, is the
    kernel's word on the process and the children that it waited for, or what the samples say, whichever is
    more: the kernel knows nothing of children that nobody waited for, samples miss what is short.
    """

    seconds: float
    cpu: float
    peak: int


class _Samples(threading.Thread):
    """Looks at a process and its descendants twenty times a second, until it is told to stop."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._root = root
        self._cpu: dict[tuple[int, int], float] = {}  # by process and its start: numbers are used again
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(_EVERY_S):
            processes = list(_tree(self._root))
            alone = (process.peak for process in processes)
            self.peak = max(self.peak, sum(process.memory for process in processes), *alone)
            self._cpu |= {(process.pid, process.start): process.cpu for process in processes}

    def stop(self) -> float:
        """Stop and return the processor seconds of all that were seen."""
        self._over.set()
        self.join()
        return sum(self._cpu.values())


@dataclass(frozen=True)
class _Process:
    pid: int
    parent: int
    start: int
    cpu: float
    memory: int

    @property
    def peak(self) -> int:
        """The most bytes held since it runs what it runs: ``ru_maxrss`` starts at the parent's."""
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text(errors="replace").splitlines()
        except OSError:
            return 0  # it ended meanwhile
        found = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
        return int(next(found, 0)) * 1024


def tree_cost(command: Sequence[str], environment: Mapping[str, str] | None = None) -> TreeCost:
    """Run a command to its end, start-up included. What it prints is read by nobody.

    Raises:
        SystemExit: the command failed; its output says why.
    """
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        child = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=output)
        samples = _Samples(child.pid)
        samples.start()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        seen = samples.stop()
        if child.returncode:
            output.seek(0)
            raise SystemExit(f"{' '.join(command)} exited with {child.returncode}: {output.read()}")
    return TreeCost(seconds, max(usage.ru_utime + usage.ru_stime, seen), samples.peak)


def _tree(root: int) -> Iterator[_Process]:
    """Yield a process and its descendants, as they are now."""
    children: dict[int, list[_Process]] = {}
    for process in _processes():
        children.setdefault(process.parent, []).append(process)
        if process.pid == root:
            yield process
    parents = [root]
    while parents:
        for process in children.get(parents.pop(), ()):
            yield process
            parents.append(process.pid)


def _processes() -> Iterator[_Process]:
    """Yield all processes by /proc/PID/stat, whose fields proc(5) numbers from 1."""
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        of = dict(enumerate(fields, 3))
        cpu = (int(of[14]) + int(of[15])) * _TICK_S
        yield _Process(int(file.parent.name), int(of[4]), int(of[22]), cpu, int(of[24]) * _PAGE)
