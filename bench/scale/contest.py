"""Whole runs of every engine, beside the least they could cost and scripts that make the marts alone."""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.etl.engines import ENGINES
from bench.measure import MIB, app, median, python, show
from bench.scale.tree import TreeCost, tree_cost

SIZES = (45_466, 1_000_000, 10_000_000)
SEED = 1


@dataclass(frozen=True)
class Contestant:
    """A command, made of the delivery and an empty folder that is its home and takes what it writes.

    One that ``follows`` gets the next delivery, after a run of the program has published this one there.
    """

    name: str
    command: Callable[[Path, Path], list[str]]
    follows: bool = False


@dataclass(frozen=True)
class _Sample:
    """A delivery and the next one."""

    delivery: Path
    following: Path


def _run(delivery: Path, *options: str) -> list[str]:
    return app("etl", "run", str(delivery), "--json", *options)


def _engine(name: str, label: str = "", *, follows: bool = False) -> Contestant:
    return Contestant(f"app, {name}{label}", lambda delivery, _: _run(delivery, "--engine", name), follows)


def _script(name: str, module: str, *style: str) -> Contestant:
    def command(delivery: Path, folder: Path) -> list[str]:
        return python("-m", f"bench.scale.{module}", *style, str(delivery), str(folder))

    return Contestant(name, command)


def _scan(delivery: Path, _: Path) -> list[str]:
    return python("-m", "bench.bare_scan", str(delivery))


#: The first is the one that all others are compared with.
CONTESTANTS = (
    *(_engine(name) for name in ENGINES),
    _engine(ENGINES[0], ", next delivery", follows=True),
    Contestant("bare Polars scan", _scan),
    _script("Polars by hand, names", "by_polars", "names"),
    _script("Polars by hand, JSON", "by_polars", "json"),
    _script("DuckDB by hand", "by_duckdb"),
)


def benchmark(sizes: Iterable[int], rounds: int) -> None:
    """Measure every contestant on a sample of each size, in turn, so many rounds."""
    for rows in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            sample = _sample(rows, Path(folder))
            costs = [[_measure(each, sample) for each in CONTESTANTS] for _ in range(rounds)]
            size = sample.delivery.stat().st_size
        _show(f"{rows:,} rows, {size / 1e6:,.0f} MB, medians of rounds: {rounds}", rows, costs)


def _sample(rows: int, folder: Path) -> _Sample:
    sample = _Sample(folder / "sample.csv", folder / "next.csv")
    tree_cost(app("etl", "sample", "--rows", str(rows), "--seed", str(SEED), "--out", str(sample.delivery)))
    tree_cost(python("-m", "bench.scale.changed", str(sample.delivery), str(sample.following)))
    return sample


def _measure(contestant: Contestant, sample: _Sample) -> TreeCost:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home = {"APP_HOME": folder}
        if contestant.follows:
            tree_cost(_run(sample.delivery), home)
        delivery = sample.following if contestant.follows else sample.delivery
        return tree_cost(contestant.command(delivery, Path(folder)), home)


def _show(title: str, rows: int, rounds: Sequence[Sequence[TreeCost]]) -> None:
    columns = ("", "s", "s, least - most", "CPU, s", "peak, MiB", "rows/s", "app / this: s", "CPU", "peak")
    own = [costs[0] for costs in rounds]
    show(
        title,
        columns,
        (
            _row(contestant.name, rows, own, [costs[place] for costs in rounds])
            for place, contestant in enumerate(CONTESTANTS)
        ),
    )


def _row(name: str, rows: int, own: Sequence[TreeCost], costs: Sequence[TreeCost]) -> list[str]:
    seconds = [cost.seconds for cost in costs]
    pairs = list(zip(own, costs, strict=True))
    return [
        name,
        f"{median(seconds):.2f}",
        f"{min(seconds):.2f} - {max(seconds):.2f}",
        f"{median(cost.cpu for cost in costs):.2f}",
        f"{median(cost.peak for cost in costs) / MIB:,.0f}",
        f"{rows / median(seconds):,.0f}",
        f"{median(mine.seconds / its.seconds for mine, its in pairs):.2f}",
        f"{median(mine.cpu / its.cpu for mine, its in pairs):.2f}",
        f"{median(mine.peak / its.peak for mine, its in pairs):.2f}",
    ]
