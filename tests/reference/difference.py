"""How two results differ: the first difference only, small enough to read."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.reference.movies import Reject
from tests.reference.outcome import Outcome

SHOWN = 200


def difference(expected: Outcome, actual: Outcome) -> str | None:
    """The first difference between two results, or None where they are the same to the last value."""
    return difference_of_sums(expected, actual) or next(_rejects_and_reports(expected, actual), None)


def difference_of_sums(expected: Outcome, actual: Outcome) -> str | None:
    """The first difference in counts, marts or dimensions."""
    return next(_sums(expected, actual), None)


def difference_of_reasons(expected: Outcome, actual: Outcome) -> str | None:
    """The first difference in the rejects' rows, ids and reasons: all that typed formats share with CSV."""
    return next(_mappings("reject", _reasons(expected), _reasons(actual)), None)


def _sums(expected: Outcome, actual: Outcome) -> Iterator[str]:
    yield from _mappings("count", expected.counts, actual.counts)
    for name, mart in expected.marts.items():
        yield from _mappings(f"mart {name}", mart, actual.marts[name])
    for name, members in expected.dimensions.items():
        yield from _mappings(f"dimension {name}", members, actual.dimensions[name])


def _rejects_and_reports(expected: Outcome, actual: Outcome) -> Iterator[str]:
    yield from _mappings("reject", _whole(expected), _whole(actual))
    for name, text in expected.reports.items():
        lines = dict(enumerate(text.split("\n"), 1))
        yield from _mappings(
            f"report {name} line", lines, dict(enumerate(actual.reports[name].split("\n"), 1))
        )


def _mappings(what: str, expected: Mapping[Any, Any], actual: Mapping[Any, Any]) -> Iterator[str]:
    """The differences between two mappings, by key in the expected one's order."""
    for key in [*expected, *(key for key in actual if key not in expected)]:
        if key not in actual:
            yield f"{what} {key!r} is missing; expected {_short(expected[key])}"
        elif key not in expected:
            yield f"{what} {key!r} should not be there: {_short(actual[key])}"
        elif expected[key] != actual[key]:
            yield f"{what} {key!r}: expected {_differing(expected[key], actual[key])}"


def _differing(expected: Any, actual: Any) -> str:
    if isinstance(expected, dict) and isinstance(actual, dict):
        return "; ".join(_mappings("field", expected, actual))
    return f"{_short(expected)}, not {_short(actual)}"


def _short(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"


def _by_place(outcome: Outcome, view: Callable[[Reject], Any]) -> dict[Any, Any]:
    places: dict[Any, Any] = {}
    for reject in outcome.rejects:
        assert (reject.file, reject.row) not in places, f"two rejects at {reject.file} row {reject.row}"
        places[reject.file, reject.row] = view(reject)
    return places


def _whole(outcome: Outcome) -> dict[Any, Any]:
    return _by_place(
        outcome,
        lambda reject: {
            "reason": reject.reason,
            "id": reject.id,
            "value": reject.value,
            "record": reject.record,
        },
    )


def _reasons(outcome: Outcome) -> dict[Any, Any]:
    return {
        place[1]: view
        for place, view in _by_place(outcome, lambda reject: (reject.reason, reject.id)).items()
    }
