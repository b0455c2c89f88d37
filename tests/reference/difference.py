"""How two results differ: the first difference only, small enough to read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.reference.outcome import Outcome

SHOWN = 200


def difference(expected: Outcome, actual: Outcome) -> str | None:
    """The first difference between two results, or None where they are the same to the last value."""
    parts = (_whole_rejects, _sums, _reports)
    return next((found for part in parts for found in part(expected, actual)), None)


def difference_in_marts(expected: Outcome, actual: Outcome) -> str | None:
    """The first difference in what every format shares: marts, dimensions, counts, reasons of rejects."""
    parts = (_reasons, _sums)
    return next((found for part in parts for found in part(expected, actual)), None)


def _whole_rejects(expected: Outcome, actual: Outcome) -> Iterator[str]:
    yield from _mappings("reject", _by_place(expected), _by_place(actual))


def _reasons(expected: Outcome, actual: Outcome) -> Iterator[str]:
    fields = ("reason", "id")
    yield from _mappings("reject", _by_place(expected, fields), _by_place(actual, fields))


def _sums(expected: Outcome, actual: Outcome) -> Iterator[str]:
    for name, mart in expected.marts.items():
        yield from _mappings(f"mart {name}", mart, actual.marts[name])
    for name, members in expected.dimensions.items():
        yield from _mappings(f"dimension {name}", members, actual.dimensions[name])
    yield from _mappings("count", expected.counts, actual.counts)


def _reports(expected: Outcome, actual: Outcome) -> Iterator[str]:
    for name, text in expected.reports.items():
        lines, actual_lines = text.split("\n"), actual.reports[name].split("\n")
        yield from _mappings(
            f"report {name} line", dict(enumerate(lines, 1)), dict(enumerate(actual_lines, 1))
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


def _by_place(
    outcome: Outcome, fields: Sequence[str] = ("reason", "id", "value", "record")
) -> dict[tuple[str, int], dict[str, Any]]:
    places: dict[tuple[str, int], dict[str, Any]] = {}
    for reject in outcome.rejects:
        place = (reject.file, reject.row)
        assert place not in places, f"two rejects at {place}"
        places[place] = {field: getattr(reject, field) for field in fields}
    return places
