"""Plain cells: ids, dates, money, popularity. Each reader raises InvalidCellError.

Chosen where the contract is silent: Unicode whitespace is what ``str.strip`` trims; the exponent is a
lower-case ``e``; ``-0`` is 0; the limits are checked before popularity is rounded.
"""

import re
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

MILLIONTH = Decimal("0.000001")


class InvalidCellError(Exception):
    """A cell that the contract does not allow."""


def movie_id(cell: str) -> int:
    """1 to 18 ASCII digits of a value above 0."""
    if not re.fullmatch(r"[0-9]{1,18}", cell.strip()):
        raise InvalidCellError(cell)
    number = int(cell.strip())
    if number == 0:
        raise InvalidCellError(cell)
    return number


def release_date(cell: str) -> date:
    """A real calendar date of year 1 to 9999, written ``YYYY-MM-DD``."""
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", cell.strip())
    if not match:
        raise InvalidCellError(cell)
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise InvalidCellError(cell) from None


def amount(cell: str) -> int | None:
    """A whole number of dollars from 0 to 10^12; empty or 0 is unknown."""
    number = _number(cell)
    if number is None or number == 0:
        return None
    if not 0 < number <= 10**12 or number != number.to_integral_value():
        raise InvalidCellError(cell)
    return int(number)


def popularity(cell: str) -> Decimal | None:
    """A number from 0 to 10^6, rounded half-even to six decimals; empty is unknown, 0 is known."""
    number = _number(cell)
    if number is None:
        return None
    if not 0 <= number <= 10**6:
        raise InvalidCellError(cell)
    return abs(number.quantize(MILLIONTH, ROUND_HALF_EVEN))


def _number(cell: str) -> Decimal | None:
    """``[+-]digits[.digits][e[+-]digits]``, exactly; None for an empty cell."""
    text = cell.strip()
    if text == "":
        return None
    if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]{1,3})?", text):
        raise InvalidCellError(cell)
    return Decimal(text)
