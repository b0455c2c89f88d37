"""``app etl run`` as a whole process, beside the least it could cost and beside scripts without it."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.measure import MIB, Cost, app, console, cost, median, python, show

REAL = Path(__file__).parents[2] / "shared" / "data" / "movies_metadata.csv.gz"
REAL_ROWS = 45_466
SCAN = "bare scan"
RUN = "app etl run"
Contestants = dict[str, Callable[[Path], Cost]]


def benchmark(rows: int, rounds: int) -> None:
    """Measure the real delivery (a sample of its size where it is absent) and a sample of ``rows``."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        small = REAL if REAL.exists() else sample(REAL_ROWS, Path(folder))
        title = "the real delivery" if small is REAL else "a sample of the real delivery's size"
        _compare(f"{title}: {REAL_ROWS:,} rows", small, SMALL, rounds)
        large = sample(rows, Path(folder))
        _compare(f"sample: {rows:,} rows, {large.stat().st_size / 1e6:,.0f} MB", large, LARGE, rounds)


def sample(rows: int, folder: Path) -> Path:
    out = folder / f"sample-{rows}.csv"
    spent = cost(app("etl", "sample", "--rows", str(rows), "--seed", "1", "--out", str(out)))
    console.print(f"app etl sample --rows {rows}: {spent.seconds:.1f} s, peak {spent.peak / MIB:,.0f} MiB")
    return out


def _run(file: Path) -> Cost:
    """Run the program on an empty home: start-up, migration, load and publish included."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        return cost(app("etl", "run", str(file), "--json"), {"APP_HOME": home})


def _scan_process(file: Path) -> Cost:
    return cost(python("-m", "bench.bare_scan", str(file)))


def _scan(file: Path) -> Cost:
    """Take the time of the scan without the start of Python, the peak of the whole process."""
    spent = _scan_process(file)
    return Cost(float(spent.output), spent.peak)


def _script(style: str) -> Callable[[Path], Cost]:
    def run(file: Path) -> Cost:
        with tempfile.TemporaryDirectory(prefix="bench-") as home:
            return cost(python("-m", "bench.naive_pandas", style, str(file), f"{home}/reports.sqlite"))

    return run


LARGE: Contestants = {SCAN: _scan, "bare scan, whole process": _scan_process, RUN: _run}
SMALL: Contestants = LARGE | {
    "pandas, vectorised": _script("vectorised"),
    "pandas, groupby.apply": _script("apply"),
}


def _compare(title: str, file: Path, contestants: Contestants, rounds: int) -> None:
    """Measure the contestants in turn, and each other's time and memory as multiples of ``app etl run``'s."""
    costs = {name: list(_measure(contest, file, rounds)) for name, contest in contestants.items()}
    own = median(spent.seconds for spent in costs[RUN])
    columns = (
        "",
        *(f"run {number}, s" for number in range(1, rounds + 1)),
        "median, s",
        "app / this",
        "peak, MiB",
    )
    show(title, columns, (_row(name, spent, own) for name, spent in costs.items()))


def _measure(contest: Callable[[Path], Cost], file: Path, rounds: int) -> Iterator[Cost]:
    return (contest(file) for _ in range(rounds))


def _row(name: str, costs: list[Cost], own: float) -> list[str]:
    middle = median(spent.seconds for spent in costs)
    peak = max(spent.peak for spent in costs)
    seconds = [f"{spent.seconds:.2f}" for spent in costs]
    return [name, *seconds, f"{middle:.2f}", f"{own / middle:.3g}", f"{peak / MIB:,.0f}"]
