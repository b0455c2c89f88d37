"""Scaled measures as JSON numbers: no digit is lost, whatever their size."""

import json
from decimal import Decimal

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from app.marts.numbers import json_number


@given(st.integers(-(2**63), 2**63 - 1))
@example(10**15 - 1)
@example(10**15)
@example(2**63 - 1)
@example(-1)
@example(0)
def test_the_text_is_the_decimal(value: int) -> None:
    text = orjson.dumps(json_number(value, 6))
    assert json.loads(text, parse_float=Decimal, parse_int=Decimal) == Decimal(value).scaleb(-6)


def test_whole_numbers_stay_whole() -> None:
    assert orjson.dumps([json_number(2**63 - 1, 0), json_number(-3, 0)]) == b"[9223372036854775807,-3]"
