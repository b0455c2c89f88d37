"""The rows of each mart that lead by each measure, as listings are sorted: ties go by key, nulls are last.

Rows come as the warehouse stores them, so that every measure is an integer or null.
"""

from collections.abc import Sequence

import polars as pl

from app.marts.definitions import MAX_SUM, MEASURES, YEAR, Mart, Measure
from app.marts.tables import LEADERS, leader_column, rank_column

_LEAST = -MAX_SUM - 1


def candidates(mart: Mart, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that may be leaders: those of all rows of a mart are among those of its parts."""
    return rows.filter(pl.any_horizontal(_may_lead(mart, measure.name) for measure in MEASURES))


def _may_lead(mart: Mart, measure: str) -> pl.Expr:
    value = pl.col(measure).fill_null(_LEAST)
    last = value.top_k(LEADERS).min()
    return value >= (last.over(YEAR.key) if mart.ranked else last)


def leaders(mart: Mart, rows: pl.DataFrame) -> pl.DataFrame:
    """Return ``position`` (from 1 to ``LEADERS`` at most) and, per measure, the key of the row there."""
    found = [
        _sorted(rows, measure, mart.key)
        .head(LEADERS)
        .select(pl.col(item.key).alias(leader_column(measure, item)) for item in mart.dimensions)
        for measure in MEASURES
    ]
    return pl.concat(found, how="horizontal").with_row_index("position", offset=1)


def ranking(mart: Mart, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the same per ``year``, with the rank by each measure: ties share it, a null has none."""
    (member,) = (dimension for dimension in mart.dimensions if dimension is not YEAR)
    year, position = pl.col(YEAR.key), pl.col("position")
    found = [rows.select(year, pl.int_range(1, pl.len() + 1).over(YEAR.key).alias("position")).sort(year)]
    for measure in MEASURES:
        rank = pl.col(measure.name).rank("min", descending=True).over(YEAR.key)
        ordered = _sorted(rows, measure, (YEAR.key, member.key), YEAR.key)
        found.append(
            ordered.select(
                rank.alias(rank_column(measure)), pl.col(member.key).alias(leader_column(measure, member))
            )
        )
    return pl.concat(found, how="horizontal").filter(position <= LEADERS)


def _sorted(rows: pl.DataFrame, measure: Measure, key: Sequence[str], *within: str) -> pl.DataFrame:
    """Sort by a measure, the greatest first and nulls last, then by key."""
    order = [*within, measure.name, *(name for name in key if name not in within)]
    return rows.sort(order, descending=[name == measure.name for name in order], nulls_last=True)
