"""The rows of each mart that lead by each measure, as listings are sorted: ties go by key, nulls are last.

Rows come as the warehouse stores them, so that every measure is an integer or null.
"""

import polars as pl

from app.marts.definitions import MAX_SUM, MEASURES, YEAR, Mart, Measure
from app.marts.tables import LEADERS, leader_column, rank_column

_LEAST = -MAX_SUM - 1


def candidates(mart: Mart, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that may be leaders: those of all rows of a mart are among those of its parts."""
    within = YEAR.key if mart.ranked else None
    return rows.filter(pl.any_horizontal(_near(measure, within) for measure in MEASURES))


def leaders(mart: Mart, rows: pl.DataFrame) -> pl.DataFrame:
    """Return ``position`` (from 1 to ``LEADERS`` at most) and, per measure, the key of the row there."""
    found = []
    for measure in MEASURES:
        order = [measure.name, *mart.key]
        down = [True, *(False for _ in mart.key)]
        first = rows.filter(_near(measure)).sort(order, descending=down, nulls_last=True).head(LEADERS)
        found.append(
            first.select(pl.col(item.key).alias(leader_column(measure, item)) for item in mart.dimensions)
        )
    return pl.concat(found, how="horizontal").with_row_index("position", offset=1)


def ranking(mart: Mart, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the same per ``year``, with the rank by each measure: ties share it, a null has none."""
    (member,) = (dimension for dimension in mart.dimensions if dimension is not YEAR)
    columns = [pl.int_range(1, pl.len() + 1).head(LEADERS).alias("position")]
    for measure in MEASURES:
        value, key = pl.col(measure.name), pl.col(member.key)
        first = value.sort(descending=True, nulls_last=True).head(LEADERS)
        keys = key.sort_by(value, descending=True, nulls_last=True, maintain_order=True).head(LEADERS)
        columns += [
            first.rank("min", descending=True).alias(rank_column(measure)),
            keys.alias(leader_column(measure, member)),
        ]
    by_year = rows.sort(member.key).group_by(YEAR.key).agg(columns)
    return by_year.explode(by_year.columns[1:]).sort(YEAR.key, "position")


def _near(measure: Measure, within: str | None = None) -> pl.Expr:
    """Select the rows that are no less than the last leader: those that tie with it are too many."""
    value = pl.col(measure.name).fill_null(_LEAST)
    last = value.top_k(LEADERS).min()
    return value >= (last.over(within) if within else last)
