"""The mart definitions as Polars: what groups, what sums, what is checked for overflow.

Sums that might not fit 64 bits run in 128 and are narrowed at the end: an overflow is found and never wraps.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import polars as pl

from app.errors import SumOverflow
from app.marts.definitions import (
    MARTS,
    MAX_SUM,
    MEASURES,
    MOVIE_FIELDS,
    Count,
    Known,
    Mart,
    Mean,
    Measure,
    Sum,
)

#: Sums over fewer movies fit 64 bits: none adds more than 10^12 to a sum.
MOVIES_IN_64_BITS = MAX_SUM // 10**12

SUMMED = tuple(measure for measure in MEASURES if not isinstance(measure.formula, Mean))


def _contribution(measure: Measure) -> pl.Expr:
    """Return what one movie adds to a measure."""
    match measure.formula:
        case Sum(field):
            return pl.col(field).fill_null(0).cast(pl.Int128)
        case Known(field):
            return pl.col(field).is_not_null().cast(pl.Int128)
        case Count():
            return pl.lit(1, dtype=pl.Int128)
        case Mean():
            raise TypeError(f"{measure.name} is a mean, which no single movie adds to")


def _aggregation(measure: Measure) -> pl.Expr:
    match measure.formula:
        case Sum(field):
            return pl.col(field).sum().alias(measure.name)
        case Known(field):
            return pl.col(field).count().cast(pl.Int64).alias(measure.name)
        case _:
            return pl.len().cast(pl.Int64).alias(measure.name)


def partial(mart: Mart, movies: pl.DataFrame, ids: Mapping[str, pl.Series]) -> pl.DataFrame:
    """Return the sums of a mart over some movies; ``ids`` maps a dimension's codes to its ids."""
    plain = [dimension.key for dimension in mart.dimensions if not dimension.entity]
    frame = movies.select(*plain, *(dimension.name for dimension in mart.entities), *MOVIE_FIELDS)
    for dimension in mart.entities:
        frame = frame.filter(pl.col(dimension.name).list.len() > 0).explode(dimension.name)
        key = ids[dimension.name].gather(frame[dimension.name]).alias(dimension.key)
        frame = frame.drop(dimension.name).with_columns(key)
    groups = frame.lazy().drop_nulls(plain).group_by(mart.key)
    return groups.agg(_aggregation(measure) for measure in SUMMED).collect(engine="streaming")


def combine(mart: Mart, partials: pl.DataFrame) -> pl.DataFrame:
    """Add up sums of the same mart over different movies, in 128 bits where 64 might not hold them."""
    movies = partials["releases"].cast(pl.Int128).sum()
    kind = pl.Int64 if movies < MOVIES_IN_64_BITS else pl.Int128
    sums = (pl.col(measure.name).cast(kind).sum() for measure in SUMMED)
    return partials.lazy().group_by(mart.key).agg(sums).collect(engine="streaming")


def finish(mart: Mart, sums: pl.DataFrame) -> pl.DataFrame:
    """Narrow the sums, add the means and sort by key: the mart as it is landed.

    Raises:
        SumOverflow: a sum is beyond 2^63-1.
    """
    narrowed = sums
    for measure in SUMMED:
        try:
            narrowed = narrowed.with_columns(pl.col(measure.name).cast(pl.Int64))
        except pl.exceptions.InvalidOperationError:
            raise SumOverflow(
                f"a sum of {measure.name} in mart {mart.name} is beyond 2^63-1",
                "split or correct the delivery",
            ) from None
    means = [_mean(measure) for measure in MEASURES if isinstance(measure.formula, Mean)]
    exact = narrowed.with_columns(means).with_columns(
        _decimal(measure) for measure in MEASURES if measure.scale
    )
    return exact.select(*mart.key, *(measure.name for measure in MEASURES)).sort(mart.key)


def _mean(measure: Measure) -> pl.Expr:
    """Divide exactly, half to even; both operands are whole numbers and not negative."""
    assert isinstance(measure.formula, Mean)  # noqa: S101 - the caller chose it for that
    total, count = pl.col(measure.formula.total), pl.col(measure.formula.count)
    divisor = pl.when(count > 0).then(count)
    quotient, remainder = total // divisor, total % divisor
    rest = divisor - remainder
    up = (remainder > rest) | ((remainder == rest) & (quotient % 2 == 1))
    return (quotient + up.cast(pl.Int64)).alias(measure.name)


def _decimal(measure: Measure) -> pl.Expr:
    unit = pl.lit(Decimal(1).scaleb(-measure.scale))
    return (pl.col(measure.name).cast(pl.Decimal(38, 0)) * unit).cast(pl.Decimal(19, measure.scale))


def totals(movies: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Return what the measures of each mart must add up to, from the movies and their list lengths alone."""
    return {
        mart.name: movies.select(
            (_contribution(measure) * _rows_of_a_movie(mart)).sum().alias(measure.name) for measure in SUMMED
        ).row(0, named=True)
        for mart in MARTS
    }


def _rows_of_a_movie(mart: Mart) -> pl.Expr:
    rows = pl.lit(1, dtype=pl.Int128)
    for dimension in mart.dimensions:
        if dimension.entity:
            rows = rows * pl.col(dimension.name).list.len().fill_null(0).cast(pl.Int128)
        else:
            rows = rows * pl.col(dimension.key).is_not_null().cast(pl.Int128)
    return rows


def sums_of(landed: Path) -> dict[str, int]:
    """Return what each summed measure adds up to in a mart as it was written."""
    sums = (pl.col(measure.name).to_physical().cast(pl.Int128).sum() for measure in SUMMED)
    return pl.scan_parquet(landed, glob=False).select(sums).collect(engine="streaming").row(0, named=True)
