"""The tables that are printed."""

from collections.abc import Sequence

from bench.api.cases import BARE, CONSTANT, ROAPI, Case
from bench.api.contest import Measured
from bench.api.load import CONNECTIONS
from bench.measure import show

_COLUMNS = (
    *("", "bytes", "conn.", "req/s", "p50 ms", "p99 ms", "RSS / PSS MiB"),
    *("/ bare", "/ const.", "/ ROAPI", "errors"),
)


def show_case(case: Case, marts: str, results: Sequence[Measured], seconds: float) -> None:
    """Print a case: the figures of everybody, and the ratios to three of them."""
    rounds = max(len(result.readings) for result in results)
    title = f"{case.title}\n{marts}; medians of {rounds} rounds of {seconds:g} s"
    show(title, _COLUMNS, [_row(result, results) for result in results if not result.missing])


def reference(results: Sequence[Measured], name: str) -> Measured | None:
    """Return the contestant of this name, if it was measured."""
    return next((item for item in results if item.name == name and item.readings), None)


def ratio(own: Measured | None, other: Measured | None, name: str = "rate") -> str:
    """Return the median of the rounds' ratios to read, or a dash."""
    return f"{own.ratio(other, name):,.3g}" if own and other and own.readings else "-"


def _row(result: Measured, results: Sequence[Measured]) -> list[str]:
    return [
        result.name,
        f"{result.payload:,.0f}",
        str(CONNECTIONS),
        f"{result.median('rate'):,.0f}",
        f"{result.median('p50'):.2f}",
        f"{result.median('p99'):.2f}",
        str(result.memory),
        *(ratio(result, reference(results, name)) for name in (BARE, CONSTANT, ROAPI)),
        f"{result.errors:,}",
    ]
