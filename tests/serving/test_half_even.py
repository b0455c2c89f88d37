"""Means that SQL computes over sums: exact integers, half to even, both signs."""

import sqlite3
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, bindparam, select

from app.serving.relations import half_even
from app.serving.statement import compiled

TOTAL, COUNT = bindparam("total", type_=BigInteger()), bindparam("count", type_=BigInteger())
STATEMENT = compiled(select(half_even(TOTAL, COUNT)))


def in_sql(total: int, count: int) -> int | None:
    with sqlite3.connect(":memory:") as connection:
        values = {**STATEMENT.constants, "total": total, "count": count}
        result: int | None = connection.execute(STATEMENT.sql, values).fetchone()[0]
    connection.close()
    return result


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.integers(1, 10**9))
@example(5, 2)
@example(7, 2)
@example(-5, 2)
@example(-7, 2)
@example(1, 3)
@example(2**63 - 1, 2)
@example(0, 9)
def test_it_is_the_decimal_mean(total: int, count: int) -> None:
    with localcontext(prec=60):
        expected = int((Decimal(total) / count).to_integral_value(rounding=ROUND_HALF_EVEN))
    assert in_sql(total, count) == expected


@pytest.mark.parametrize(
    ("total", "count", "mean"), [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (8, 3, 3)]
)
def test_halves_go_to_the_even_neighbour(total: int, count: int, mean: int) -> None:
    assert in_sql(total, count) == mean


def test_nothing_known_has_no_mean() -> None:
    assert in_sql(0, 0) is None
