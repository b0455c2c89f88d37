"""The rows of each mart that lead by each measure, as listings are sorted: ties go by key, nulls are last.

Rows come as the warehouse stores them, by key, so that every measure is an integer or null.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import orjson
import polars as pl

from app.marts.definitions import MEASURES, YEAR, Dimension, Mart, Measure
from app.marts.tables import LEADERS, leader_column, rank_column

#: So many rows are soon sorted: a slice of no more has no leaders.
SMALL = 300
#: So many are soon passed over: a small slice that is hidden among more has a list of all its rows.
NARROW = 1_000

#: The rows of a slice that a list names, as an expression of one of its columns.
Chosen = Callable[[pl.Expr], pl.Expr]


def leaders(mart: Mart, rows: pl.LazyFrame) -> Iterator[tuple[str, str, str]]:
    """Return ``slice``, ``sort`` and ``keys`` of each list of the table of leaders.

    The keys of all rows are in memory, and one measure at a time.
    """
    keys = rows.select(mart.key).collect()
    slices = [(fixed, *_sizes(keys, fixed)) for fixed in mart.slices]
    for fixed, _, hidden in slices:
        yield from _lists(mart, fixed, keys.filter(hidden), _EVERY)
    for measure in MEASURES:
        measured = keys.hstack(rows.select(measure.name).collect())
        for fixed, large, _ in slices:
            yield from _lists(mart, fixed, measured.filter(large), _sorts(measure))


def _sizes(keys: pl.DataFrame, fixed: Sequence[Dimension]) -> tuple[pl.Series, pl.Series]:
    """Tell per row whether its slice is large, and whether it is small and hidden among many rows."""
    large = _more(keys, [item.key for item in fixed], SMALL)
    if len(fixed) < 2:
        return large, pl.repeat(False, len(keys), eager=True)
    hidden = ~large
    for item in fixed:
        hidden &= _more(keys, [item.key], NARROW)
    return large, hidden


def _more(keys: pl.DataFrame, names: Sequence[str], count: int) -> pl.Series:
    """Tell per row whether more rows than so many have these keys like it."""
    if not names:
        return pl.repeat(len(keys) > count, len(keys), eager=True)
    # A window over several columns takes much more memory than a join with the few slices.
    sizes = keys.lazy().group_by(names).agg((pl.len() > count).alias("more"))
    return keys.lazy().select(names).join(sizes, on=names, maintain_order="left").collect()["more"]


def _lists(
    mart: Mart, fixed: Sequence[Dimension], rows: pl.DataFrame, chosen: Mapping[str, Chosen]
) -> Iterator[tuple[str, str, str]]:
    if rows.is_empty():
        return
    free = [item.key for item in mart.dimensions if item not in fixed]
    keys = [item.key for item in fixed]
    # What is free is sorted together, once: several sorts take the memory of several.
    lists = [choose(pl.struct(free)).alias(sort) for sort, choose in chosen.items()]
    found = rows.group_by(keys).agg(lists) if keys else rows.select(item.implode() for item in lists)
    found = found.select(
        *keys,
        *(
            pl.col(sort).list.eval(pl.element().struct.field(key)).alias(f"{sort}.{key}")
            for sort in chosen
            for key in free
        ),
    )
    for row in found.iter_rows():
        values = dict(zip(keys, row, strict=False))
        within = _json([values.get(item.key) for item in mart.dimensions[1:]])
        of_sorts = row[len(keys) :]
        for place, sort in enumerate(chosen):
            yield within, sort, _json(of_sorts[place * len(free) : (place + 1) * len(free)])


def _json(values: Sequence[object]) -> str:
    return orjson.dumps(values).decode()


def _first(measure: Measure, down: bool) -> Chosen:
    by = pl.col(measure.name)
    return lambda key: key.sort_by(by, descending=down, nulls_last=True, maintain_order=True).head(LEADERS)


def _sorts(measure: Measure) -> Mapping[str, Chosen]:
    return {sign + measure.name: _first(measure, bool(sign)) for sign in ("", "-")}


_EVERY: Mapping[str, Chosen] = {"": lambda key: key}


def ranking(mart: Mart, rows: pl.LazyFrame) -> pl.DataFrame:
    """Return per ``year`` and ``position`` who is there by each measure, and the rank.

    Ties share a rank, a null has none.
    """
    (member,) = (dimension for dimension in mart.dimensions if dimension is not YEAR)
    columns = [pl.int_range(1, pl.len() + 1).head(LEADERS).alias("position")]
    for measure in MEASURES:
        first = pl.col(measure.name).sort(descending=True, nulls_last=True).head(LEADERS)
        columns += [
            first.rank("min", descending=True).alias(rank_column(measure)),
            _first(measure, True)(pl.col(member.key)).alias(leader_column(measure, member)),
        ]
    by_year = rows.sort(member.key).group_by(YEAR.key).agg(columns).collect()
    return by_year.explode(by_year.columns[1:]).sort(YEAR.key, "position")
