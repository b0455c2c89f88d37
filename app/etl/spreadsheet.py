"""Columns of CSV meant for people, in Polars."""

import polars as pl

from app.marts.spreadsheet import FORMULA, NUMBER


def neutralised(column: str) -> pl.Expr:
    """Return a text column with formulas neutralised, as ``app.marts.spreadsheet`` has it."""
    cell = pl.col(column)
    runs = cell.str.contains(FORMULA) & ~cell.str.contains(NUMBER)
    return pl.when(runs).then(pl.lit("'") + cell).otherwise(cell).alias(column)


def decimal_text(column: str) -> pl.Expr:
    """Return an exact decimal as its shortest text: no zeros at the end, no point behind a whole number."""
    return pl.col(column).cast(pl.String).str.replace(r"\.?0+$", "").alias(column)
