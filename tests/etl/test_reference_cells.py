"""The reference's reading of single cells, held against expectations worked out by hand."""

from decimal import Decimal

import pytest

from tests.reference import cells, lists
from tests.reference.cells import InvalidCellError


@pytest.mark.parametrize(
    ("cell", "value"), [("7", 7), ("007", 7), (" 5\u3000", 5), ("9" * 18, 999_999_999_999_999_999)]
)
def test_ids(cell: str, value: int) -> None:
    assert cells.movie_id(cell) == value


@pytest.mark.parametrize(
    "cell", ["", "0", "000", "9" * 19, "-1", "+1", "1.0", "\u0663", "\uff15", "1e3", "1_0", "5\0"]
)
def test_invalid_ids(cell: str) -> None:
    with pytest.raises(InvalidCellError):
        cells.movie_id(cell)


@pytest.mark.parametrize(
    ("cell", "year"), [("0001-01-01", 1), ("9999-12-31", 9999), (" 1999-01-01 ", 1999), ("2000-02-29", 2000)]
)
def test_dates(cell: str, year: int) -> None:
    assert cells.release_date(cell).year == year


@pytest.mark.parametrize(
    "cell",
    [
        "0000-01-01",
        "2023-02-29",
        "1900-02-29",
        "10000-01-01",
        "1999-1-1",
        "+1999-01-01",
        "1999-01-01T00",
        "\uff11999-01-01",
    ],
)
def test_invalid_dates(cell: str) -> None:
    with pytest.raises(InvalidCellError):
        cells.release_date(cell)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("30000000.0", 30_000_000),
        ("1e6", 1_000_000),
        ("+5", 5),
        ("1.5e1", 15),
        ("5000e-3", 5),
        ("1e12", 10**12),
        ("0." + "0" * 998 + "1e999", 1),
        ("0" * 5000 + "7", 7),
        ("7." + "0" * 5000, 7),
        ("\xa07\t", 7),
        ("", None),
        ("0", None),
        ("-0", None),
        ("-0.0e5", None),
        ("0e999", None),
    ],
)
def test_amounts(cell: str, value: int | None) -> None:
    assert cells.amount(cell) == value


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "-5",
            "1.5",
            "nan",
            "inf",
            "NaN",
            "/x.jpg",
            ".5",
            "5.",
            "1E6",
            "1e",
            "1e+",
            "1e1000",
            "1e0006",
            "--5",
        ),
        *(
            "1e999",
            "1e-3",
            "1e-999",
            "0x10",
            "1_000",
            "1,000",
            "1 000",
            "\uff15",
            "1000000000001",
            "1e13",
            "$5",
        ),
    ],
)
def test_invalid_amounts(cell: str) -> None:
    with pytest.raises(InvalidCellError):
        cells.amount(cell)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("8.2e-05", "0.000082"),
        ("0.0000005", "0"),
        ("0.0000015", "0.000002"),
        ("0.00000050000000000000000000000000000000001", "0.000001"),
        ("1e6", "1000000"),
        ("1e-999", "0"),
        ("21.946943", "21.946943"),
        ("-0", "0"),
    ],
)
def test_popularity(cell: str, value: str) -> None:
    assert cells.popularity(cell) == Decimal(value)


def test_an_empty_popularity_is_unknown_and_zero_is_not() -> None:
    assert cells.popularity(" ") is None
    assert cells.popularity("0") == 0


@pytest.mark.parametrize("cell", ["-1e-9", "1000000.0000001", "1e7", "nan", "8.2E-05"])
def test_invalid_popularity(cell: str) -> None:
    with pytest.raises(InvalidCellError):
        cells.popularity(cell)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("", {}),
        (" [] ", {}),
        ("""[{'id': 16, 'name': "Mel's"}]""", {16: "Mel's"}),
        ('[{"name": "A", "id": 0, "x": NaN}]', None),
        ('[{"name": "A", "id": 0, "x": null}]', {0: "A"}),
        ("[{'id': 1, 'name': 'B'}, {'id': 1, 'name': ' A '}]", {1: "A"}),
        ("[{'id': +1, 'name': 'a' \"b\"}]", {1: "ab"}),
        ("[{'id': 0x1F, 'name': u'\\N{BULLET}\\x41\\u00e9'}]", {31: "\u2022A\u00e9"}),
        ("[{'id': 1, 'name': 'a\\d'}]", {1: "a\\d"}),
        ('[{"id": 1, "name": "\\ud83d\\ude00"}]', {1: "\U0001f600"}),
        ("[{'id': 1, 'name': '\\ud83d\\ude00'}]", None),
        ('[{"id": 1, "name": "\\ud800"}]', None),
        ('[{"id": 1, "name": "a", "x": "\\ud800\\u0000"}]', {1: "a"}),
        ("[{'id': 1, 'name': 'a\\0'}]", None),
        ("[{'id': True, 'name': 'a'}]", None),
        ('[{"id": true, "name": "a"}]', None),
        ("[{'id': 1.0, 'name': 'a'}]", None),
        ("[{'id': -1, 'name': 'a'}]", None),
        ("[{'id': -0, 'name': 'a'}]", {0: "a"}),
        ("[{'id': 999999999999999999, 'name': 'a'}]", {10**18 - 1: "a"}),
        ("[{'id': 1000000000000000000, 'name': 'a'}]", None),
        ('[{"id": ' + "9" * 5000 + ', "name": "a"}]', None),
        ('[{"id": 1, "name": "a", "x": ' + "9" * 5000 + "}]", {1: "a"}),
        ("[{'id': 1, 'name': 'a', 'x': " + "9" * 5000 + "}]", None),
        ('[{"id": 1, "name": "a", "x": ' + "[" * 300 + "]" * 300 + "}]", {1: "a"}),
        ("[{'id': 1, 'name': 'a', 'x': " + "[" * 300 + "]" * 300 + "}]", None),
        ("[" * 5000 + "]" * 5000, None),
        ("[{'id': 1, 'name': b'a'}]", None),
        ("[{'id': 1, 'name': ' \\t'}]", None),
        ("[{'id': 1}]", None),
        ("[1]", None),
        ("({'id': 1, 'name': 'a'},)", None),
        ("{'id': 1, 'name': 'a'}", None),
        ("{}", None),
        ("None", None),
        ("null", None),
        ("[{'id': 1, 'name': f'a'}]", None),
        ("[{'id': int('1'), 'name': 'a'}]", None),
        ("[{'id': 1, 'name': 'a'}", None),
        ("[{'id': 1, 'name': 'a', 'x': {[]}}]", None),
    ],
)
def test_lists(cell: str, value: dict[int, str] | None) -> None:
    if value is None:
        with pytest.raises(InvalidCellError):
            lists.members(cell)
    else:
        assert lists.members(cell) == value
