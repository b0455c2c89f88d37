"""CSV meant for people: cells that a spreadsheet would run as formulas are neutralised.

The rule is OWASP's for CSV injection: a text cell that begins with one of ``= + - @``, tab or carriage return
gets a leading apostrophe. A cell that is a plain number is no formula and stays as it is.
"""

import polars as pl

_FORMULA = r"^[=+\-@\t\r]"
_NUMBER = r"^[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?$"


def neutralised(column: str) -> pl.Expr:
    """Return a text column with formulas neutralised."""
    cell = pl.col(column)
    runs = cell.str.contains(_FORMULA) & ~cell.str.contains(_NUMBER)
    return pl.when(runs).then(pl.lit("'") + cell).otherwise(cell).alias(column)


def decimal_text(column: str) -> pl.Expr:
    """Return an exact decimal as its shortest text: no zeros at the end, no point behind a whole number."""
    return pl.col(column).cast(pl.String).str.replace(r"\.?0+$", "").alias(column)
