"""Rows compared by key: whatever the sizes of the pieces, each difference is found, and nothing else."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.etl import compare
from app.etl.compare import Comparison, Difference
from app.marts.tables import RUN_TABLES

MARTS = RUN_TABLES["genre_year"]
KEY = ("genre_id", "year")
MEASURES = [column.name for column in MARTS.columns if column.name not in {"run", *KEY}]

Rows = Mapping[tuple[int, int], int]
tables = st.dictionaries(st.tuples(st.integers(0, 4), st.integers(1, 4)), st.integers(0, 2))


def frames(rows: Rows, sizes: Iterator[int]) -> Iterator[pl.DataFrame]:
    """Give rows by key in pieces, one measure as given and the others 1."""
    records = [
        dict(zip(KEY, key, strict=True)) | dict.fromkeys(MEASURES, 1) | {"budget": rows[key]}
        for key in sorted(rows)
    ]
    schema = dict.fromkeys([*KEY, *MEASURES], pl.Int64)
    while records:
        size = next(sizes)
        part, records = records[:size], records[size:]
        yield pl.DataFrame(part, schema=schema)


def compared(landed: Rows, found: Rows, seed: int = 0) -> Comparison:
    chance = random.Random(seed)  # noqa: S311 - the same pieces each time
    sizes = iter(lambda: chance.randint(0, 3), None)
    result = Comparison("warehouse", "genre_year")
    compare.compare(result, MARTS, frames(landed, sizes), frames(found, sizes))
    return result


@given(landed=tables, found=tables, seed=st.integers(0, 9))
def test_every_difference_is_found(landed: Rows, found: Rows, seed: int) -> None:
    result = compared(landed, found, seed)
    different = sorted(key for key in landed.keys() | found.keys() if landed.get(key) != found.get(key))
    assert (result.rows, result.differences) == (len(landed), len(different))
    shown = [(tuple(item.key.values()), _budget(item.expected), _budget(item.found)) for item in result.first]
    assert shown == [(key, landed.get(key), found.get(key)) for key in different][: compare.SHOWN]


def _budget(value: Any) -> Any:
    return value["budget"] if isinstance(value, dict) else value


def test_a_difference_names_the_value() -> None:
    result = compared({(1, 1990): 5, (2, 1990): 6}, {(1, 1990): 5, (2, 1990): 7})
    assert result.first == [Difference({"genre_id": 2, "year": 1990}, "budget", 6, 7)]


def test_so_many_are_shown_and_all_are_counted() -> None:
    rows = {(genre, 1990): 1 for genre in range(100)}
    result = compared(rows, dict.fromkeys(rows, 2))
    assert (result.differences, len(result.first)) == (100, compare.SHOWN)


def dimension(*rows: tuple[int, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"id": pl.Int64, "name": pl.String}, orient="row")


def in_dimension(landed: Sequence[tuple[int, str]], *found: pl.DataFrame) -> list[Difference]:
    result = Comparison("warehouse", "production_company")
    table = RUN_TABLES["production_company"]
    compare.compare(result, table, [dimension(*landed)], found)
    assert result.differences == len(result.first)
    return result.first


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_row_that_is_there_twice(pieces: int) -> None:
    """Where keys are not enforced that can be, and both may be equal."""
    landed = [(1, "a"), (2, "b"), (3, "c")]
    twice = [dimension((1, "a"), (2, "b")), dimension((2, "b"), (3, "c"))]
    found = twice if pieces == 2 else [pl.concat(twice)]
    assert in_dimension(landed, *found) == [Difference({"id": 2}, None, None, {"name": "b"})]


def test_rows_in_another_order_are_told_and_end() -> None:
    landed = [(1, "a"), (2, "b"), (3, "c")]
    found = in_dimension(landed, dimension((3, "c")), dimension((1, "a")), dimension((2, "b")))
    assert {item.key["id"] for item in found} >= {1, 2}


def test_large_millionths_are_compared_exactly() -> None:
    row = dict(zip(KEY, (1, 1990), strict=True)) | dict.fromkeys(MEASURES, 1)
    sides = [
        pl.DataFrame([row | {"popularity": 2**62, "budget": budget, "avg_popularity": None}])
        for budget in (1, 2)
    ]
    result = Comparison("warehouse", "genre_year")
    compare.compare(result, MARTS, sides[:1], sides[1:])
    assert [item.column for item in result.first] == ["budget"]
