"""Measures as JSON numbers: exact, whatever their size."""

from decimal import Decimal

import orjson

#: A binary double round-trips every decimal of 15 significant digits (IEEE 754, ``DBL_DIG``).
EXACT_BELOW = 10**15


def json_number(value: int, scale: int) -> int | float | orjson.Fragment:
    """Return what orjson writes as exactly ``value / 10 ** scale``."""
    if not scale:
        return value
    if -EXACT_BELOW < value < EXACT_BELOW:
        return value / float(10**scale)
    return orjson.Fragment(f"{Decimal(value).scaleb(-scale):f}")
