"""Exact numbers by the grammar of contract section 1: in Polars where a cell is plain, else in Decimal."""

import re
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal

import polars as pl

from app.marts.definitions import POPULARITY_SCALE

MAX_MONEY = 10**12
MAX_POPULARITY = 10**6

#: ASCII digits, optional fraction, optional exponent of at most three digits.
NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]{1,3})?", re.ASCII)

_PLAIN_MONEY = r"^([0-9]{1,12})(?:\.0{1,6})?$"
_PLAIN_POPULARITY = r"^([0-9]{1,6})(?:\.([0-9]{1,6}))?$"
_MICRO = Decimal(1).scaleb(-POPULARITY_SCALE)


def _decimal(cell: str) -> Decimal | None:
    return Decimal(cell) if NUMBER.fullmatch(cell) else None


def whole_money(cell: str) -> int | None:
    """Return a whole number from 0 to 10^12, or None where the cell is not one."""
    number = _decimal(cell)
    if number is None or not 0 <= number <= MAX_MONEY:
        return None
    whole = number.to_integral_value()
    return int(whole) if whole == number else None


def millionths(cell: str) -> int | None:
    """Return a number from 0 to 10^6 in millionths, rounded half-even, or None where the cell is not one."""
    number = _decimal(cell)
    if number is None or not 0 <= number <= MAX_POPULARITY:
        return None
    exact = Context(prec=max(28, len(cell) + 12))
    return int(number.quantize(_MICRO, rounding=ROUND_HALF_EVEN, context=exact).scaleb(POPULARITY_SCALE))


def plain_money(cell: pl.Expr) -> pl.Expr:
    """Return the value of cells such as ``30000000`` or ``30000000.0``; null for any other."""
    return cell.str.extract(_PLAIN_MONEY, 1).cast(pl.Int64)


def plain_millionths(cell: pl.Expr) -> pl.Expr:
    """Return the millionths of cells such as ``21.946943``; null for any other."""
    whole = cell.str.extract(_PLAIN_POPULARITY, 1).cast(pl.Int64)
    fraction = cell.str.extract(_PLAIN_POPULARITY, 2).fill_null("").str.pad_end(POPULARITY_SCALE, "0")
    return pl.lit(10**POPULARITY_SCALE) * whole + fraction.cast(pl.Int64, strict=False)


def numbers(
    cells: pl.Series, plain: Callable[[pl.Expr], pl.Expr], exact: Callable[[str], int | None]
) -> pl.Series:
    """Return the values of trimmed cells: by ``plain`` where it can, else by ``exact``, once a distinct cell.

    Null where the cell is null or is no such number.
    """
    values = cells.to_frame("cell").select(plain(pl.col("cell")).alias("value"))["value"]
    unusual = cells.filter(values.is_null() & cells.is_not_null()).unique().to_list()
    if not unusual:
        return values
    known = {cell: value for cell in unusual if (value := exact(cell)) is not None}
    if not known:
        return values
    looked_up = cells.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.Int64)
    return values.zip_with(values.is_not_null(), looked_up)
