"""The reference itself, held against expectations worked out by hand from the contract."""

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from tests.reference import dimensions
from tests.reference.difference import difference
from tests.reference.marts import mean
from tests.reference.movies import REQUIRED, DataFile, judge
from tests.reference.outcome import work_out
from tests.reference.readers import UnreadableError, read_delivery, records

HEADER = list(REQUIRED)


def row(**changed: str) -> list[str]:
    """A valid record without money, genres or companies, with some cells changed."""
    plain = dict.fromkeys(REQUIRED, "") | {"id": "1", "title": "T", "release_date": "1999-12-31"}
    return list((plain | changed).values())


def delivery(*rows: list[str], path: str = "a.csv") -> DataFile:
    return DataFile(path, HEADER, list(rows))


BAD_CELLS = {
    "id": "x",
    "release_date": "x",
    "budget": "x",
    "revenue": "x",
    "popularity": "x",
    "genres": "x",
    "production_companies": "x",
}


def test_the_first_reason_that_applies_is_the_reason() -> None:
    mended = dict(BAD_CELLS)
    reasons = []
    for column in BAD_CELLS:
        (reject,) = judge([delivery(row(**mended))], require_financials=True)[1]
        reasons.append((reject.reason, reject.value))
        mended.pop(column)
    assert reasons == [(f"invalid_{column}", "x") for column in BAD_CELLS]


def test_rejects_keep_the_whole_record() -> None:
    file = delivery(
        row(id=" 01 "),
        ["x", "y"],
        row(release_date=" "),
        row(id=" 1", budget="5"),
        row(id="2", budget="5", revenue="6"),
    )
    movies, rejects = judge([file], require_financials=True)
    assert [movie.id for movie in movies] == [2]
    assert [(reject.row, reject.id, reject.reason, reject.value) for reject in rejects] == [
        (1, " 01 ", "missing_financials", ""),
        (2, "x", "malformed_row", "2"),
        (3, "1", "missing_release_date", ""),
        (4, " 1", "missing_financials", ""),
    ]
    assert rejects[1].record == ("x", "y")


def test_the_last_valid_row_of_the_delivery_wins() -> None:
    files = [
        delivery(row(id="7", release_date="2003-01-01"), path="a/b.csv"),
        delivery(
            row(id="7", release_date="2001-01-01"), row(id="07", release_date="2002-01-01"), path="a-1.csv"
        ),
        delivery(row(id="7", budget="-1"), path="z.csv"),
    ]
    movies, rejects = judge(files)
    assert [movie.year for movie in movies] == [2003]
    assert [(reject.file, reject.row, reject.id, reject.reason) for reject in rejects] == [
        ("a-1.csv", 1, "7", "duplicate_id"),
        ("a-1.csv", 2, "07", "duplicate_id"),
        ("z.csv", 1, "7", "invalid_budget"),
    ]


def test_means_round_half_to_even() -> None:
    def of(*values: str) -> Decimal | None:
        return mean([Decimal(value) for value in values])

    assert of() is None
    assert of("0.000001", "0.000002") == Decimal("0.000002")
    assert of("0.000002", "0.000003") == Decimal("0.000002")
    assert of("1", "0", "0") == Decimal("0.333333")


def test_slugs() -> None:
    assert dimensions.slug("Science Fiction") == "science-fiction"
    assert dimensions.slug(" --Ça, c'est_l'Été! ") == "ca-c-est-l-ete"
    assert dimensions.slugs({1: "TV", 2: "tv!", 3: "\u6620\u753b", 4: "?", 5: "\u0130X"}) == {
        1: "tv-1",
        2: "tv-2",
        3: "\u6620\u753b",
        4: "-4",
        5: "ix",
    }


TWO_GENRES = "[{'id': 1, 'name': '=Sum'}, {'id': 2, 'name': 'Drama'}]"
A_COMPANY = """[{"id": 9, "name": "A, \\"B\\""}]"""


@pytest.fixture
def small() -> list[DataFile]:
    """Three movies of 2000 and one of 1999."""
    return [
        delivery(
            row(
                id="1",
                release_date="2000-01-01",
                budget="10",
                revenue="25",
                popularity="0.1",
                genres=TWO_GENRES,
            ),
            row(
                id="2",
                release_date="2000-05-05",
                budget="7",
                popularity="0.000001",
                production_companies=A_COMPANY,
            ),
            row(
                id="3",
                release_date="2000-12-31",
                revenue="4",
                genres=TWO_GENRES,
                production_companies=A_COMPANY,
            ),
            row(id="4", release_date="1999-12-31", genres="[{'id': 2, 'name': 'Adrama'}]"),
        )
    ]


def test_marts(small: list[DataFile]) -> None:
    outcome = work_out(small)
    assert outcome.counts == {"rows": 4, "accepted": 4, "without genre": 1, "without production_company": 2}
    assert outcome.marts["year"][2000,] == {
        "releases": 3,
        "budget": 17,
        "budget_known": 2,
        "revenue": 29,
        "revenue_known": 2,
        "profit": 15,
        "profit_known": 1,
        "popularity": Decimal("0.100001"),
        "popularity_known": 2,
        "avg_popularity": Decimal("0.050000"),
    }
    assert outcome.marts["year"][1999,]["avg_popularity"] is None
    assert {key: value["releases"] for key, value in outcome.marts["genre_year"].items()} == {
        (1, 2000): 2,
        (2, 2000): 2,
        (2, 1999): 1,
    }
    assert {key: value["budget"] for key, value in outcome.marts["company_year"].items()} == {(9, 2000): 7}
    assert {key: value["revenue"] for key, value in outcome.marts["company_genre_year"].items()} == {
        (9, 1, 2000): 4,
        (9, 2, 2000): 4,
    }
    assert outcome.dimensions == {
        "genre": {1: ("=Sum", "sum"), 2: ("Adrama", "adrama")},
        "production_company": {9: ('A, "B"',)},
    }


def test_reports(small: list[DataFile]) -> None:
    reports = work_out(small).reports
    assert reports["genre_data.csv"] == (
        "release_year,genre_id,genre,releases,budget,revenue,profit,popularity,avg_popularity\n"
        "1999,2,Adrama,1,0,0,0,0,\n"
        "2000,1,'=Sum,2,10,29,15,0.1,0.1\n"
        "2000,2,Adrama,2,10,29,15,0.1,0.1\n"
    )
    assert reports["production_data.csv"] == (
        "release_year,production_company_id,production_company,releases,budget,revenue,profit,avg_popularity,"
        "releases_sum,releases_adrama\n"
        '2000,9,"A, ""B""",2,7,4,0,0.000001,1,1\n'
    )


def test_difference_names_the_first_key_and_both_values(small: list[DataFile]) -> None:
    outcome = work_out(small)
    assert difference(outcome, work_out(small)) is None
    changed = work_out(small)
    changed.marts["genre_year"][2, 1999]["releases"] = 5
    assert (
        difference(outcome, changed)
        == "mart genre_year (2, 1999): expected field 'releases': expected 1, not 5"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\r\n\n1,2\n", [["a", "b"], ["1", "2"]]),
        ("\ufeff\r\na,b\n \n,", [["a", "b"], [" "], ["", ""]]),
        ('"a,""b""\r\n",""\n""\n', [['a,"b"\r\n', ""], [""]]),
        ('a"b,"c"d"e, "f"\n', [['a"b', 'cd"e', ' "f"']]),
    ],
)
def test_csv(text: str, expected: list[list[str]]) -> None:
    assert list(records(text)) == expected


def test_deliveries_are_read_in_bytewise_order(tmp_path: Path) -> None:
    text = ",".join(REQUIRED) + "\n" + ",".join(row()) + "\n"
    for name in ("b.csv", "a/b.csv", "a-1.csv", "B.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    names = [file.path for file in read_delivery(tmp_path)]
    assert names == ["B.csv", "a-1.csv", "a.csv.gz", "a/b.csv", "b.csv"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        ",".join(HEADER).encode(),
        ",".join(HEADER[1:]).encode() + b"\n1,2,3,4,5,6,7\n",
        ",".join(HEADER).encode() + b"\n\xff,,,,,,,\n",
        ",".join(HEADER).encode() + b'\n1,"2,3\n',
    ],
)
def test_unreadable(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(UnreadableError):
        read_delivery(tmp_path / "a.csv")
