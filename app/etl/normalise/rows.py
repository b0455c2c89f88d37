"""A row becomes a movie, or a reject with the first reason that applies: contract section 1."""

from dataclasses import dataclass

import polars as pl

from app.etl.normalise.lists import parse_lists
from app.etl.normalise.numbers import millionths, numbers, plain_millionths, plain_money, whole_money
from app.etl.readers.base import READ_COLUMNS
from app.marts.definitions import ENTITIES
from app.marts.names import WHITESPACE

_ID = r"^[0-9]{1,18}$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

#: Reasons in the order they are tried, with the column whose cell is the offending value, if there is one.
REASONS = {
    "malformed_row": "fields",
    "invalid_id": "id",
    "missing_release_date": None,
    "invalid_release_date": "release_date",
    "invalid_budget": "budget",
    "invalid_revenue": "revenue",
    "invalid_popularity": "popularity",
    **{f"invalid_{dimension.source}": dimension.source for dimension in ENTITIES},
    "missing_financials": None,
}


@dataclass(frozen=True)
class Normalised:
    """What a batch became.

    ``movies``: row, id, year, budget, revenue, popularity (millionths), and per entity dimension the number
    of its list cell (null where empty). ``members`` maps a dimension to the rows ``cell, id, name`` of its
    cells. ``rejects``: row, reason, value.
    """

    movies: pl.DataFrame
    members: dict[str, pl.DataFrame]
    rejects: pl.DataFrame


def normalise(cells: pl.DataFrame, require_financials: bool = False) -> Normalised:
    """Judge the rows of one batch (``CELLS_SCHEMA``)."""
    trimmed = cells.select(_trim(column) for column in READ_COLUMNS)
    lists = {dimension.name: parse_lists(trimmed[dimension.source]) for dimension in ENTITIES}
    values = _values(trimmed).with_columns(
        cells["row"], *(parsed.cell.alias(name) for name, parsed in lists.items())
    )
    wrong = {
        "malformed_row": cells["malformed"],
        "invalid_id": values["id"].is_null(),
        "missing_release_date": trimmed["release_date"].is_null(),
        "invalid_release_date": values["year"].is_null(),
        **{
            f"invalid_{name}": _invalid(trimmed, values, name) for name in ("budget", "revenue", "popularity")
        },
        **{f"invalid_{dimension.source}": lists[dimension.name].invalid for dimension in ENTITIES},
    }
    values = values.with_columns(_unknown_where_zero("budget"), _unknown_where_zero("revenue"))
    if require_financials:
        wrong["missing_financials"] = values["budget"].is_null() | values["revenue"].is_null()
    reasons = _first_reason(wrong)
    return Normalised(
        values.filter(reasons.is_null()),
        {name: parsed.members for name, parsed in lists.items()},
        _rejects(cells, reasons),
    )


def _trim(column: str) -> pl.Expr:
    trimmed = pl.col(column).str.strip_chars(WHITESPACE)
    return pl.when(trimmed != "").then(trimmed).alias(column)


def _values(trimmed: pl.DataFrame) -> pl.DataFrame:
    identity = pl.when(pl.col("id").str.contains(_ID)).then(pl.col("id")).cast(pl.Int64, strict=False)
    dated = pl.when(pl.col("release_date").str.contains(_DATE)).then(pl.col("release_date"))
    year = dated.str.to_date("%Y-%m-%d", strict=False).dt.year().cast(pl.Int32)
    return trimmed.select(
        pl.when(identity > 0).then(identity).alias("id"),
        pl.when(year > 0).then(year).alias("year"),
        numbers(trimmed["budget"], plain_money, whole_money).alias("budget"),
        numbers(trimmed["revenue"], plain_money, whole_money).alias("revenue"),
        numbers(trimmed["popularity"], plain_millionths, millionths).alias("popularity"),
    )


def _invalid(trimmed: pl.DataFrame, values: pl.DataFrame, column: str) -> pl.Series:
    return trimmed[column].is_not_null() & values[column].is_null()


def _unknown_where_zero(column: str) -> pl.Expr:
    return pl.when(pl.col(column) > 0).then(pl.col(column)).alias(column)


def _first_reason(wrong: dict[str, pl.Series]) -> pl.Series:
    frame = pl.DataFrame({reason: wrong[reason] for reason in REASONS if reason in wrong})
    return frame.select(
        pl.coalesce(pl.when(pl.col(reason)).then(pl.lit(reason)) for reason in frame.columns).alias("reason")
    )["reason"]


def _rejects(cells: pl.DataFrame, reasons: pl.Series) -> pl.DataFrame:
    value = pl.coalesce(
        *(
            pl.when(pl.col("reason") == reason).then(pl.col(column).cast(pl.String))
            for reason, column in REASONS.items()
            if column
        ),
        pl.lit(""),
    )
    return (
        cells.with_columns(reasons)
        .filter(pl.col("reason").is_not_null())
        .select("row", "reason", value.alias("value"))
    )
