"""Figures that stand by themselves: starts, memory, a flood of tokens, the size of the marts, exports."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.api import questions
from bench.api.cases import APP, BARE, CONSTANT, ROAPI, own
from bench.api.contest import Measured, contest
from bench.api.exports import exports
from bench.api.flood import TOKENS, flood
from bench.api.load import drive, write_requests
from bench.api.prepare import HOT, Prepared
from bench.api.servers import app_serve, serving
from bench.api.tables import ratio, reference
from bench.measure import MIB, show

STARTS = 5


@dataclass
class Figures:
    """Lines of a summary, gathered one after the other: a figure, what was measured, what is wanted."""

    seconds: float
    rounds: int
    lines: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, figure: str, measured: str, wanted: str) -> None:
        """Add a line."""
        self.lines.append((figure, measured, wanted))

    def show(self) -> None:
        """Print the summary."""
        show("figures", ("", "measured", "wanted"), self.lines)

    def of_cases(self, marts: str, results: Mapping[str, Sequence[Measured]]) -> None:
        """Take the ratios out of the tables."""
        for case, name, wanted in (
            ("hot", BARE, "0.6 or more"),
            ("hot", ROAPI, "25 or more"),
            ("cold", CONSTANT, "0.4 or more"),
            ("cold", ROAPI, "4 or more"),
        ):
            found = ratio(reference(results[case], APP), reference(results[case], name))
            self.add(f"{marts}: {case} / {name}", found, wanted)
        cold = reference(results["cold"], APP)
        self.add(f"{marts}: cold p99, ms", f"{cold.median('p99'):.1f}" if cold else "-", "below 30")

    def of_starts(self, ready: Prepared) -> None:
        """Start the server some times, and look at it before it is asked anything, and after."""
        environment, log = ready.marts.environment, ready.folder / "starts.log"
        times = []
        for _ in range(STARTS):
            with serving(app_serve(), environment, log, "/readyz") as server:
                times.append(server.ready_s)
        asks = write_requests(ready.folder / "all", [ready.ask(item.path) for item in ready.questions])
        hot = write_requests(ready.folder / "hot", [ready.ask(HOT)])
        with serving(app_serve(), environment, log, "/readyz") as server:
            memory = [server.memory()]
            for requests in (asks, hot):
                drive(server.url, requests, 2 * self.seconds)
                memory.append(server.memory())
        self.add(
            f"seconds from app serve to 200 on /readyz, median of {STARTS}",
            f"{statistics.median(times):.2f}",
            "2 or less",
        )
        names = ("at the start", "after different questions, cache on", "after hot ones")
        for name, size in zip(names, memory, strict=True):
            self.add(f"worker memory {name}, RSS / PSS, MiB", str(size), "below 150")

    def of_flood(self, ready: Prepared) -> None:
        """Measure a client beside wrong tokens."""
        seen = flood(ready, self.seconds)
        refused = f"{seen.flood.refused:,} refused in {seen.flood.seconds:.1f} s"
        alone, meanwhile = seen.alone, seen.alone_meanwhile
        self.add(f"{TOKENS:,} wrong tokens", refused, f"{TOKENS:,} refused")
        self.add(
            "one connection's p99 meanwhile / before",
            f"{meanwhile.p99:.2f} / {alone.p99:.2f} ms = {meanwhile.p99 / alone.p99:.2f}",
            "2 or less",
        )
        self.add(
            "the same beside as many good requests as it takes",
            f"{seen.beside_good.p99:.2f} / {alone.p99:.2f} ms = {seen.beside_good.p99 / alone.p99:.2f}",
            "-",
        )
        many, others = seen.many, seen.many_meanwhile
        self.add(
            "32 connections' p99 meanwhile / before",
            f"{others.p99:.2f} / {many.p99:.2f} ms = {others.p99 / many.p99:.2f}",
            "2 or less",
        )
        self.add("memory growth, MiB", f"{seen.growth / MIB:.1f}", "20 or less")

    def of_size(self, small: Prepared, large: Prepared) -> None:
        """Compare marts of two sizes: all questions, then each kind by itself."""
        rows = [self._compared("all kinds", small, small.questions, large, large.questions, self.rounds)]
        self.add("cold p99, large / small marts", rows[0][-1], "1.5 or less")
        kinds = questions.by_kind(large.about, large.questions)
        for kind, asked in questions.by_kind(small.about, small.questions).items():
            rows.append(self._compared(kind, small, asked, large, kinds[kind], 1))
        columns = (
            "",
            "small, req/s",
            "p50, ms",
            "p99, ms",
            "large, req/s",
            "p50, ms",
            "p99, ms",
            "p99 / p99",
        )
        title = f"cold by kind: {small.marts.title} and {large.marts.title}"
        show(title, columns, rows)

    def of_exports(self, ready: Prepared) -> None:
        """Download a mart in every format."""
        peace, found = exports(ready, self.seconds)
        rows: list[list[str]] = []
        for item in found:
            item.missing = item.missing or item.others.failed
            if item.missing:
                rows.append([item.name, f"not available: {item.missing}", *["-"] * 5])
                continue
            self.add(f"export as {item.name}: growth, MiB", f"{item.growth / MIB:.0f}", "100 or less")
            sizes = (f"{item.size:,}", f"{item.seconds:.1f}", f"{item.growth / MIB:.0f}")
            others = (
                f"{item.others.p50:.2f}",
                f"{item.others.p99:.2f}",
                f"{item.others.p99 / peace.p99:.2f}",
            )
            rows.append([item.name, *sizes, *others])
        title = f"whole mart, limit=all, {ready.marts.title}; another client: p99 {peace.p99:.2f} ms in peace"
        columns = ("", "bytes", "seconds", "growth, MiB", "others' p50, ms", "p99, ms", "p99 / in peace")
        show(title, columns, rows)

    def _compared(
        self,
        kind: str,
        small: Prepared,
        few: list[questions.Question],
        large: Prepared,
        many: list[questions.Question],
        rounds: int,
    ) -> list[str]:
        contestants = [
            own(ready.marts, [ready.ask(item.path) for item in asked], name, cache_bytes="0")
            for ready, asked, name in ((small, few, "small"), (large, many, "large"))
        ]
        one, two = contest(contestants, large.folder, self.seconds, rounds)
        if not (one.readings and two.readings):
            return [kind, *["-"] * 7]
        cells = [
            text
            for item in (one, two)
            for text in (
                f"{item.median('rate'):,.0f}",
                f"{item.median('p50'):.2f}",
                f"{item.median('p99'):.2f}",
            )
        ]
        return [kind, *cells, ratio(two, one, "p99")]
