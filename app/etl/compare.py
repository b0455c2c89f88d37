"""Two tables of a run, row by row and by key: however many rows there are, few are in memory at once.

Rows are frames of integers and text, sorted by key; what is stored scaled is an integer number of it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Table, Text

from app.marts.numbers import json_number
from app.marts.tables import Scaled, landed_columns

#: Differences that are shown of each table; all are counted.
SHOWN = 10
#: Landed rows in memory at once.
_ROWS = 50_000
#: Columns of what differs: which of the rows of one key it is; the names of either side's values begin so.
_NUMBER, _LANDED, _FOUND = "number_", "landed_", "found_"


@dataclass(frozen=True)
class Difference:
    """One value that is not the same, as JSON has it.

    ``column`` is None where one side has no such row, or object, at all: that side is None.
    """

    key: Mapping[str, Any]
    column: str | None
    expected: Any
    found: Any


@dataclass
class Comparison:
    """What was compared: ``what`` of ``where``. ``first`` are the first of the ``differences``.

    ``rows``: landed ones, None where it is no table. ``note``: why nothing was compared.
    """

    where: str
    what: str
    rows: int | None = None
    differences: int = 0
    first: list[Difference] = field(default_factory=list)
    note: str | None = None

    def add(self, differences: Iterable[Difference]) -> None:
        """Count differences, and keep the first."""
        for difference in differences:
            self.differences += 1
            if len(self.first) < SHOWN:
                self.first.append(difference)


def landed_frames(path: Path, table: Table) -> Iterator[pl.DataFrame]:
    """Return the rows of a landed table, some at a time."""
    rows, offset = pl.scan_parquet(path, glob=False), 0
    while True:
        part = rows.slice(offset, _ROWS).collect()
        if part.is_empty():
            return
        yield part.select(_landed(column.name, column.type) for column in _columns(table))
        offset += part.height


def _landed(name: str, kind: Any) -> pl.Expr:
    column = pl.col(name).to_physical() if isinstance(kind, Scaled) else pl.col(name)
    return column.cast(_stored(kind))


def _columns(table: Table) -> Sequence[Any]:
    return [column for column in landed_columns(table) if column.name != "run"]


def _stored(kind: Any) -> pl.DataType:
    return pl.String() if isinstance(kind, Text) else pl.Int64()


def compare(
    result: Comparison, table: Table, landed: Iterable[pl.DataFrame], found: Iterable[pl.DataFrame]
) -> None:
    """Compare the rows of a table on both sides and add what differs."""
    columns = _columns(table)
    kinds = {column.name: _stored(column.type) for column in columns}
    key = [str(column.name) for column in table.primary_key if column.name != "run"]
    stored = [pl.col(name).cast(kind) for name, kind in kinds.items()]
    sides = [(part.select(stored) for part in side if not part.is_empty()) for side in (landed, found)]
    scales = {column.name: column.type.scale for column in columns if isinstance(column.type, Scaled)}
    result.rows = 0
    for here, there in _abreast(sides[0], sides[1], key, pl.DataFrame(schema=kinds)):
        result.rows += here.height
        if not here.equals(there):
            result.add(_differences(_unequal(here, there, key), key, scales))


def _abreast(
    left: Iterator[pl.DataFrame], right: Iterator[pl.DataFrame], key: Sequence[str], none: pl.DataFrame
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Return the rows of both sides in pieces that end at the same key."""
    rest = [next(left, none), next(right, none)]
    while not (rest[0].is_empty() and rest[1].is_empty()):
        lasts = [part.select(key).row(-1) for part in rest if not part.is_empty()]
        upto = min(lasts)
        cuts = [_cut(part, key, upto) for part in rest]
        yield rest[0].head(cuts[0]), rest[1].head(cuts[1])
        rest = [part.tail(part.height - cut) for part, cut in zip(rest, cuts, strict=True)]
        rest = [
            next(side, none) if part.is_empty() else part
            for part, side in zip(rest, (left, right), strict=True)
        ]


def _cut(rows: pl.DataFrame, key: Sequence[str], upto: tuple[Any, ...]) -> int:
    """Return how many rows have a key of no more than ``upto``; all of them where that is the last one's."""
    keys = rows.select(key)
    if not rows.is_empty() and keys.row(-1) == upto:
        return rows.height
    return bisect_right(range(rows.height), upto, key=keys.row)


def _unequal(here: pl.DataFrame, there: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Return what is not the same on both sides. Of rows with one key the first is held against the first."""
    sides = [_numbered(rows, key, prefix) for rows, prefix in ((here, _LANDED), (there, _FOUND))]
    both = sides[0].join(sides[1], on=[*key, _NUMBER], how="full", coalesce=True)
    values = ["", *(name for name in here.columns if name not in key)]
    differ = [pl.col(_LANDED + name).ne_missing(pl.col(_FOUND + name)) for name in values]
    return both.filter(pl.any_horizontal(differ)).sort(*key, _NUMBER)


def _numbered(rows: pl.DataFrame, key: Sequence[str], prefix: str) -> pl.DataFrame:
    """Return the rows with a number among those of the same key; a column named by ``prefix`` is true."""
    values = [pl.col(name).alias(prefix + name) for name in rows.columns if name not in key]
    number = pl.int_range(pl.len()).over(key).alias(_NUMBER)
    return rows.select(*key, number, pl.lit(value=True).alias(prefix), *values)


def _differences(rows: pl.DataFrame, key: Sequence[str], scales: Mapping[str, int]) -> Iterator[Difference]:
    """Return each value that differs; a row that only one side has is one difference."""
    for row in rows.iter_rows(named=True):
        where = {name: row[name] for name in key}
        expected, found = (_values(row, prefix) for prefix in (_LANDED, _FOUND))
        if expected is None or found is None:
            yield Difference(where, None, _shown(expected, scales), _shown(found, scales))
            continue
        for name in [name for name, value in expected.items() if value != found[name]]:
            values = (_value(side[name], scales.get(name, 0)) for side in (expected, found))
            yield Difference(where, name, *values)


def _values(row: Mapping[str, Any], prefix: str) -> dict[str, Any] | None:
    """Return one side's values; None where it has no such row."""
    if row[prefix] is None:
        return None
    return {
        name.removeprefix(prefix): row[name] for name in row if name.startswith(prefix) and name != prefix
    }


def _shown(values: Mapping[str, Any] | None, scales: Mapping[str, int]) -> dict[str, Any] | None:
    if values is None:
        return None
    return {name: _value(value, scales.get(name, 0)) for name, value in values.items()}


def _value(value: Any, scale: int) -> Any:
    return json_number(value, scale) if isinstance(value, int) else value
