"""Which rows of a mart lead by each measure, in plain Python: ties go by key, nulls are last."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from tests.support.movies import MEASURES

Row = dict[str, Any]

#: As many as the longest ranking, and one more.
LEADERS = 101
#: Marts with one dimension beside the year, and its key.
RANKED = {"genre_year": "genre_id", "company_year": "company_id", "language_year": "language"}


def leaders(rows: Sequence[Row], key: Sequence[str]) -> list[Row]:
    """Return a row per position with the keys of the rows that are there by each measure."""
    found: list[Row] = [{"position": place + 1} for place in range(min(len(rows), LEADERS))]
    for measure in MEASURES:
        ordered = sorted(rows, key=_down(measure, key))
        for place, row in zip(found, ordered, strict=False):
            place.update({f"{measure}_{name}": row[name] for name in key})
    return found


def ranking(rows: Sequence[Row], member: str) -> list[Row]:
    """Return the same per year, with ranks: one more than the rows that are greater, None for a null."""
    found = []
    for year, group in groupby(sorted(rows, key=lambda row: row["year"]), key=lambda row: row["year"]):
        members = list(group)
        places = leaders(members, [member])
        for measure in MEASURES:
            ordered = sorted(members, key=_down(measure, [member]))
            for place, row in zip(places, ordered, strict=False):
                place[f"{measure}_rank"] = _rank(row[measure], [other[measure] for other in members])
        found += [{"year": year, **place} for place in places]
    return found


def _down(measure: str, key: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    return lambda row: (
        row[measure] is None,
        -(row[measure] or 0),
        *(row[name] for name in key),
    )


def _rank(value: int | None, values: Sequence[int | None]) -> int | None:
    return None if value is None else 1 + sum(other > value for other in values if other is not None)
