"""Which rows of a mart lead by each measure, in plain Python: ties go by key, nulls are last."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, groupby
from typing import Any

from tests.support.movies import MEASURES

Row = dict[str, Any]

#: As many as the longest ranking, and one more.
LEADERS = 101
#: Marts with one dimension beside the year, and its key.
RANKED = {"genre_year": "genre_id", "company_year": "company_id", "language_year": "language"}


def slices(rows: Sequence[Row], key: Sequence[str]) -> Iterator[tuple[list[Any], list[Row]]]:
    """Return the slices of a mart: what each column behind the first is fixed to, if at all, and the rows."""
    behind = key[1:]
    for count in range(len(behind) + 1):
        for fixed in combinations(behind, count):
            values = {tuple(row[name] if name in fixed else None for name in behind) for row in rows}
            for value in values:
                yield list(value), [row for row in rows if _within(row, behind, value)]


def _within(row: Row, names: Sequence[str], values: Sequence[Any]) -> bool:
    return all(value is None or row[name] == value for name, value in zip(names, values, strict=True))


def leaders(rows: Sequence[Row], key: Sequence[str], fixed: Sequence[Any]) -> dict[str, list[list[Any]]]:
    """Return, for a slice, the keys of the first rows by each measure up and down, a list per free column."""
    found = {}
    for measure in MEASURES:
        found[measure] = _keys(sorted(rows, key=_up(measure, key))[:LEADERS], key, fixed)
        found["-" + measure] = _keys(sorted(rows, key=_down(measure, key))[:LEADERS], key, fixed)
    return found


def every(rows: Sequence[Row], key: Sequence[str], fixed: Sequence[Any]) -> dict[str, list[list[Any]]]:
    """Return the keys of all rows of a slice, by key."""
    return {"": _keys(sorted(rows, key=lambda row: [row[name] for name in key]), key, fixed)}


def _keys(rows: Sequence[Row], key: Sequence[str], fixed: Sequence[Any]) -> list[list[Any]]:
    free = [name for name, value in zip(key, (None, *fixed), strict=True) if value is None]
    return [[row[name] for row in rows] for name in free]


def listed(mart: str, rows: Sequence[Row], key: Sequence[str]) -> list[Row]:
    """Return rows of the table of leaders: large slices have lists, of the others some and some do not."""
    found = []
    for fixed, members in slices(rows, key):
        lists = leaders(members, key, fixed) if len(members) > LEADERS else {}
        if not lists and len(members) % 2:
            lists = every(members, key, fixed)
        place = {"mart": mart, "slice": text(fixed)}
        found += [{**place, "sort": sort, "keys": text(keys)} for sort, keys in lists.items()]
    return found


def text(values: Sequence[Any]) -> str:
    """Return a JSON array as the table has it."""
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)


def ranking(rows: Sequence[Row], member: str) -> list[Row]:
    """Return, per year, a row per position with the keys of the members that are there by each measure.

    A rank is one more than the rows that are greater, None for a null.
    """
    found = []
    for year, group in groupby(sorted(rows, key=lambda row: row["year"]), key=lambda row: row["year"]):
        members = list(group)
        places: list[Row] = [{"year": year, "position": at + 1} for at in range(min(len(members), LEADERS))]
        for measure in MEASURES:
            ordered = sorted(members, key=_down(measure, [member]))
            values = [row[measure] for row in members]
            for place, row in zip(places, ordered, strict=False):
                place[f"{measure}_{member}"] = row[member]
                place[f"{measure}_rank"] = _rank(row[measure], values)
        found += places
    return found


def _down(measure: str, key: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    return lambda row: (row[measure] is None, -(row[measure] or 0), *(row[name] for name in key))


def _up(measure: str, key: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    return lambda row: (row[measure] is None, row[measure] or 0, *(row[name] for name in key))


def _rank(value: int | None, values: Sequence[int | None]) -> int | None:
    return None if value is None else 1 + sum(other > value for other in values if other is not None)
