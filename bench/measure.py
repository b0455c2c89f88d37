"""Time and peak memory of whole processes, and the tables they are shown in."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

MIB = 2**20
console = Console(width=120, highlight=False)


@dataclass(frozen=True)
class Cost:
    """What one run of a process cost: wall-clock seconds and the largest resident set, in bytes."""

    seconds: float
    peak: int
    output: str = ""


def python(*arguments: str) -> list[str]:
    """Return the command line of this interpreter."""
    return [sys.executable, *arguments]


def app(*arguments: str) -> list[str]:
    """Return the command line of the program as installed beside this interpreter."""
    return [str(Path(sys.executable).with_name("app")), *arguments]


def cost(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end, start-up included.

    The peak is the child's own ``ru_maxrss``. Linux starts that at the parent's size, so this process
    imports nothing big.

    Raises:
        SystemExit: the command failed; its output says why.
    """
    started = time.perf_counter()
    child = subprocess.Popen(
        command, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, stderr=None, text=True
    )
    assert child.stdout is not None  # noqa: S101 - it is a pipe
    output = child.stdout.read()
    peak = reap(child)
    seconds = time.perf_counter() - started
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} exited with {child.returncode}: {output}")
    return Cost(seconds, peak, output)


def reap(child: "subprocess.Popen[str]") -> int:
    """Wait for a child and return its largest resident set in bytes."""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * 1024


def median(values: Iterable[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; the first column is text, the others are numbers."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for place, name in enumerate(columns):
        table.add_column(name, justify="left" if place == 0 else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print()
