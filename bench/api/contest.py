"""Contestants in short rounds, one after the other, so that the machine's moods meet all of them."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.api.load import Ask, Reading, drive, fetch, middle, write_requests
from bench.api.servers import Memory, NotAvailable, Server, serving
from bench.measure import console

#: Requests sent one by one first: they say whether the answers are as they should be, and how long they are.
SAMPLE = 50
CHECK_S = 10
WARM_S = 1


@dataclass(frozen=True)
class Contestant:
    """A server, and what it is asked. ``command`` may raise ``NotAvailable``."""

    name: str
    command: Callable[[], Sequence[str]]
    asks: Sequence[Ask]
    environment: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    ready: str = "/"


@dataclass
class Measured:
    """What became of a contestant: mean bytes of a body, one reading a round; or why there is none."""

    name: str
    payload: float = 0
    memory: Memory | None = None
    readings: list[Reading] = field(default_factory=list)
    missing: str = ""

    def median(self, name: str) -> float:
        """Return the median over the rounds of a figure of the readings."""
        return middle(self.readings, name)

    def ratio(self, other: "Measured", name: str = "rate") -> float:
        """Return the median over the rounds of this one's figure by the other's in the same round."""
        pairs = zip(self.readings, other.readings, strict=True)
        return float(statistics.median(getattr(own, name) / getattr(its, name) for own, its in pairs))

    @property
    def errors(self) -> int:
        """Requests that were refused or failed, in all rounds."""
        return sum(reading.refused + reading.failed for reading in self.readings)


@dataclass(frozen=True)
class Entry:
    """A contestant that is up."""

    measured: Measured
    server: Server
    requests: Path
    count: int


def contest(contestants: Sequence[Contestant], folder: Path, seconds: float, rounds: int) -> list[Measured]:
    """Start all of them, measure them in turn, and stop them."""
    results = [Measured(contestant.name) for contestant in contestants]
    with ExitStack() as stack:
        entries = []
        for number, (contestant, result) in enumerate(zip(contestants, results, strict=True)):
            try:
                entries.append(_enter(stack, contestant, result, folder / f"requests-{number}"))
            except NotAvailable as error:
                result.missing = str(error)
        for entry in entries:
            _warm(entry)
        for turn in range(rounds):
            for entry in entries:
                _drive(entry, seconds, turn * entry.count // rounds)
        for entry in entries:
            entry.measured.memory = entry.server.memory()
    for result in results:
        if result.missing:
            console.print(f"{result.name}: not available: {result.missing}")
    return results


def _warm(entry: Entry) -> None:
    with entry.server.turn(), suppress(NotAvailable):  # then the first round says so
        drive(entry.server.url, entry.requests, WARM_S)


def _drive(entry: Entry, seconds: float, first: int) -> None:
    if entry.measured.missing:
        return
    with entry.server.turn():
        try:
            entry.measured.readings.append(drive(entry.server.url, entry.requests, seconds, first=first))
        except NotAvailable as error:
            entry.measured.missing = str(error)
            entry.measured.readings.clear()


def _enter(stack: ExitStack, contestant: Contestant, result: Measured, requests: Path) -> Entry:
    log = requests.with_suffix(".log")
    command = contestant.command()
    server = stack.enter_context(serving(command, contestant.environment, log, contestant.ready))
    result.payload = _checked(server, contestant)
    write_requests(requests, contestant.asks)
    return Entry(result, server, requests, len(contestant.asks))


def _checked(server: Server, contestant: Contestant) -> float:
    """Return the mean size of the first answers.

    Raises:
        NotAvailable: one of them is not what was asked for.
    """
    sizes: list[int] = []
    until = time.monotonic() + CHECK_S
    for ask in contestant.asks[:SAMPLE]:
        if sizes and time.monotonic() > until:
            break
        got = fetch(server.url, ask)
        if got.status != contestant.status:
            shown = ask.body or ask.path
            raise NotAvailable(f"{got.status} to {shown[:300]}: {' '.join(got.text.split())[:300]}")
        sizes.append(len(got.body))
    return statistics.mean(sizes)
