"""The API's part of ``python -m bench``."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.api import marts
from bench.api.cases import cases
from bench.api.contest import Measured, contest
from bench.api.figures import Figures
from bench.api.prepare import Prepared, prepare
from bench.api.servers import NotAvailable
from bench.api.tables import show_case
from bench.measure import console


def benchmark(rounds: int, seconds: float, real_only: bool) -> None:
    """Measure every case on the real marts and on large ones, then the figures that stand by themselves."""
    if shutil.which("wrk") is None:
        console.print("wrk is missing: the API is not measured")
        return
    figures = Figures(seconds, rounds)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        real = prepare(marts.real(folder), folder / "of-real")
        figures.of_cases("real marts", _measure(real, seconds, rounds))
        _tried(figures.of_starts, real)
        _tried(figures.of_flood, real)
        if not real_only:
            large = prepare(marts.large(folder), folder / "of-large")
            figures.of_cases("large marts", _measure(large, seconds, rounds))
            _tried(figures.of_size, prepare(marts.small(folder), folder / "of-small"), large)
            _tried(figures.of_exports, large)
    figures.show()


def _tried(part: Callable[..., None], *ready: Prepared) -> None:
    try:
        part(*ready)
    except NotAvailable as error:
        console.print(f"{part.__name__}: not available: {error}")


def _measure(ready: Prepared, seconds: float, rounds: int) -> dict[str, list[Measured]]:
    results = {}
    for case in cases(ready):
        lasting = max(seconds, case.least_s)
        results[case.name] = contest(case.contestants, ready.folder, lasting, rounds)
        if any(result.readings for result in results[case.name]):
            show_case(case, ready.marts.title, results[case.name], lasting)
    return results
