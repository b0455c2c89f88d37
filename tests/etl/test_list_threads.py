"""Cells are parsed by several threads at once; what they share is left as it was."""

import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.etl.normalise.lists import parse_members


@pytest.fixture
def _eager_switches() -> Iterator[None]:
    """Let threads take turns as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_eager_switches")
def test_warnings_stay_as_they_were() -> None:
    """``'\\d'`` is read with a warning, which is not shown; the threads' turns are what could go wrong."""
    filters = list(warnings.filters)
    cells = [f"[{{'id': {number}, 'name': '\\d'}}]" for number in range(10_000)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(parse_members, cells, chunksize=1))
    assert found == [{number: "\\d"} for number in range(10_000)]
    assert list(warnings.filters) == filters
