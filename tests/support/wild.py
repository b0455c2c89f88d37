"""Wild deliveries: every form of cell one by one, and mixed at random (hypothesis)."""

import json
from datetime import date
from typing import Any

from hypothesis import strategies as st

from tests.reference.movies import REQUIRED, DataFile
from tests.support.deliveries import CsvStyle, TypedRow, half_quoted, minimal, quoted
from tests.support.forms import (
    DATES,
    IDS,
    MEMBER_IDS,
    NAMES,
    NUMBERS,
    OPENINGS,
    PIECES,
    TEXTS,
    closing,
    lists,
)

GOOD = {
    "id": "1",
    "title": "T",
    "release_date": "1999-12-31",
    "budget": "10",
    "revenue": "25",
    "popularity": "0.5",
    "genres": "[{'id': 1, 'name': 'Drama'}]",
    "production_companies": "[{'id': 1, 'name': 'Pixar'}]",
}


def catalogue() -> DataFile:
    """A delivery with every form once, each in an otherwise good row, and with short and long rows."""
    forms = {
        "id": IDS,
        "title": TEXTS,
        "release_date": DATES,
        **dict.fromkeys(("budget", "revenue", "popularity"), NUMBERS),
        **dict.fromkeys(("genres", "production_companies"), tuple(lists())),
    }
    rows = [GOOD | {"id": str(1000), column: form} for column in forms for form in forms[column]]
    for at, row in enumerate(rows, 1001):
        row["id"] = str(at) if row["id"] == "1000" else row["id"]
    records = [list(row.values()) for row in rows]
    good = list(GOOD.values())
    return DataFile(
        "catalogue.csv", list(REQUIRED), [*records, good[:-1], [*good, ""], [""], [" "], [*good, *good]]
    )


def _mostly(good: st.SearchStrategy[str], wild: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.integers(0, 31).flatmap(lambda chance: wild if chance == 9 else good)


def _literals() -> st.SearchStrategy[str]:
    """String literals of random pieces, in any quotes."""
    pieces = st.lists(st.sampled_from(PIECES[:30]), min_size=1, max_size=4).map("".join)
    return st.builds(
        lambda opening, text: opening + text + closing(opening), st.sampled_from(OPENINGS), pieces
    )


#: Dialect -> how it writes a name, its quotes, and further keys that it allows.
_DIALECTS = {
    "json": (json.dumps, '"', ('"x": null', '"x": [{"id": 1}]')),
    "python": (repr, "'\"", ("'x': None", "'x': {1, (2,)}")),
}


@st.composite
def _members(draw: st.DrawFn, dialect: str) -> str:
    write, quotes, extras = _DIALECTS[dialect]
    key = draw(_mostly(st.sampled_from("0123456"), st.sampled_from(MEMBER_IDS)))
    name = draw(_mostly(st.sampled_from(NAMES).map(write), _literals()))
    quote = draw(st.sampled_from(quotes))
    pairs = [f"{quote}id{quote}: {key}", f"{quote}name{quote}: {name}", draw(st.sampled_from(("", *extras)))]
    return "{" + ", ".join(draw(st.permutations(list(filter(None, pairs))))) + "}"


def _list_of(dialect: str) -> st.SearchStrategy[str]:
    return st.lists(_members(dialect), max_size=3).map(lambda members: "[" + ", ".join(members) + "]")


def list_cells() -> st.SearchStrategy[str]:
    """List cells, most of them valid."""
    return _mostly(st.sampled_from(tuple(_DIALECTS)).flatmap(_list_of), st.sampled_from(tuple(lists())))


def _columns() -> dict[str, st.SearchStrategy[str]]:
    money = st.sampled_from(("", "0", "5", "1e6", "30000000.0", "999999999999", " 12 "))
    points = st.sampled_from(
        ("", "0", "8.2e-05", "0.0000005", "0.0000015", "21.946943", "3", "999999.999999")
    )
    return {
        "id": _mostly(st.integers(1, 9).map(str), st.sampled_from(IDS)),
        "title": st.sampled_from(TEXTS),
        "release_date": _mostly(
            st.sampled_from(("1999-12-31", "2000-02-29", "1874-01-01")), st.sampled_from(DATES)
        ),
        "budget": _mostly(money, st.sampled_from(NUMBERS)),
        "revenue": _mostly(money, st.sampled_from(NUMBERS)),
        "popularity": _mostly(points, st.sampled_from(NUMBERS)),
        "genres": list_cells(),
        "production_companies": list_cells(),
    }


@st.composite
def _records(draw: st.DrawFn, header: list[str], ragged: bool) -> list[str]:
    strategies = _columns()
    record = [draw(strategies.get(name.strip(), st.sampled_from(TEXTS))) for name in header]
    if ragged:
        cut = draw(st.sampled_from((*(0,) * 20, -1, 1, -7, *(0,) * 20)))
        return record[:cut] if cut < 0 else record + [""] * cut
    return record


@st.composite
def data_files(draw: st.DrawFn, ragged: bool = True) -> DataFile:
    """A file of 1 to 15 wild records: columns in any order, maybe further ones; ``ragged`` ones if wanted."""
    extra = draw(st.sampled_from(((), ("adult",), ("adult", "notes"))))
    header = draw(st.permutations([*REQUIRED, *extra]))
    records = draw(st.lists(_records(header, ragged), min_size=1, max_size=15))
    return DataFile("wild.csv", header, records)


def styles() -> st.SearchStrategy[CsvStyle]:
    """Spellings of a CSV file."""
    return st.builds(
        CsvStyle,
        spellings=st.lists(st.sampled_from((minimal, quoted, half_quoted)), min_size=1, max_size=3),
        ends=st.lists(st.sampled_from(("\n", "\r\n")), min_size=1, max_size=2),
        blanks=st.booleans(),
        bom=st.booleans(),
        last_end=st.booleans(),
        padded=st.booleans(),
    )


def typed_rows() -> st.SearchStrategy[list[TypedRow]]:
    """Rows as typed Parquet or JSON Lines carry them; nulls everywhere."""
    members = st.lists(
        st.fixed_dictionaries({"name": _or_null(st.sampled_from(NAMES)), "id": _or_null(st.integers(-1, 4))}),
        max_size=2,
    )
    amounts = st.one_of(st.integers(-1, 10**12 + 1), st.sampled_from((0, 5, 7, 10**12)))
    floats = st.one_of(st.floats(0, 1e13), st.sampled_from((0.0, 7.0, 1.5, 1e22, 1e-7, 3e7, -0.0)))
    row: dict[str, st.SearchStrategy[Any]] = {
        "id": _or_null(st.integers(-1, 9)),
        "title": _or_null(st.sampled_from(TEXTS)),
        "release_date": _or_null(st.dates(date(1, 1, 1), date(9999, 12, 31))),
        "budget": _or_null(amounts),
        "revenue": _or_null(floats),
        "popularity": _or_null(st.one_of(st.floats(0, 1.1e6), floats)),
        "genres": _or_null(members),
        "production_companies": _or_null(members),
    }
    return st.lists(st.fixed_dictionaries(row), min_size=1, max_size=12)


def _or_null(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 9).flatmap(lambda chance: st.none() if chance == 9 else values)
