"""Every format gives back what SQLite has, to the last digit and character."""

import io
import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.etl import spreadsheet
from app.marts.spreadsheet import neutralised, neutralised_sql
from app.serving.fields import Field
from app.serving.formats import FORMATS, About
from tests.support.parsed import FILES

FIELDS = (
    Field("id", "integer", "", 1),
    Field("name", "text", "", ""),
    Field("popularity", "integer", "", 1.5, 6),
    Field("avg_popularity", "integer", "", 1.5, 6, nullable=True),
)
WHOLE = st.integers(-(2**63) + 1, 2**63 - 1)
#: Text as a warehouse holds it: no surrogates, no NUL.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20) | st.sampled_from(
    ['"', '""', ",", "\r\n", "\n", "\r", "NULL", "", " ", "\\", "\u2028", "%s", "'", "\x1f\x7f", "{", "é"]
)
ROW = st.tuples(WHOLE, TEXT, WHOLE, st.none() | WHOLE)


def body(name: str, rows: list[tuple[Any, ...]], fields: tuple[Field, ...] = FIELDS) -> bytes:
    """Return a page of rows, written by SQLite as for an answer."""
    form = FORMATS[name]
    line, separator = form.lines.row(fields), form.lines.separator.decode()
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE page ({', '.join(field.name for field in FIELDS)})")
        connection.executemany("INSERT INTO page VALUES (?, ?, ?, ?)", rows)
        sql = f"SELECT CAST(group_concat({line}, ?) AS BLOB) FROM page"  # noqa: S608 - of our own
        ((text,),) = connection.execute(sql, (separator,))
    return form.page(fields, text + form.lines.end if rows else b"", About({}, {}))


def expected(rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Return rows as they must come out, scaled by plain arithmetic on decimals."""
    return [
        {
            "id": id_,
            "name": name,
            "popularity": Decimal(popularity).scaleb(-6),
            "avg_popularity": None if average is None else Decimal(average).scaleb(-6),
        }
        for id_, name, popularity, average in rows
    ]


@pytest.mark.parametrize("name", FILES)
@settings(deadline=None)  # the first one loads pyarrow
@given(rows=st.lists(ROW, max_size=8))
@example([(1, "a", 2**63 - 1, None), (2, "b", -(2**63) + 1, 10**15), (3, "c", 0, 10**15 - 1)])
@example([(1, "a", 1, -1), (2, "b", -500_000, 999_999), (3, "c", 10, 1_000_000)])
def test_rows_come_back(name: str, rows: list[tuple[Any, ...]]) -> None:
    shown = [(id_, _neutral(text) if name == "csv" else text, *rest) for id_, text, *rest in rows]
    assert FILES[name](body(name, rows)) == expected(shown)


@given(rows=st.lists(ROW, max_size=8))
def test_json_rows_come_back(rows: list[tuple[Any, ...]]) -> None:
    document = json.loads(body("json", rows), parse_float=Decimal)
    assert list(document) == ["data", "meta", "links"]
    assert document["data"] == expected(rows)


@pytest.mark.parametrize("name", FILES)
@settings(deadline=None)  # the first one loads pyarrow
@given(values=st.lists(st.none() | WHOLE, min_size=1, max_size=5))
@example([None])
@example([None, 5, None])
def test_a_null_that_is_alone_in_its_row_is_a_row(name: str, values: list[int | None]) -> None:
    rows = [(1, "", 1, value) for value in values]
    found = FILES[name](body(name, rows, FIELDS[3:]))
    assert found == [{"avg_popularity": row["avg_popularity"]} for row in expected(rows)]


def test_columns_have_their_types_even_without_a_row() -> None:
    types = [
        ("id", pa.int64(), False),
        ("name", pa.string(), False),
        ("popularity", pa.decimal128(19, 6), False),
        ("avg_popularity", pa.decimal128(19, 6), True),
    ]
    schema = pa.schema([pa.field(*column) for column in types])
    for rows in ([], [(1, "a", 1, None)]):
        assert pa.ipc.open_stream(body("arrow", rows)).schema == schema
        assert pq.read_schema(io.BytesIO(body("parquet", rows))).remove_metadata() == schema
    assert body("csv", []) == b"id,name,popularity,avg_popularity\r\n"
    assert body("ndjson", []) == b""


def test_memory_of_columns_goes_back_to_the_system() -> None:
    program = (
        "from app.serving.formats import FORMATS; FORMATS['parquet'].writer(());"
        "import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "system\n"


def test_numbers_are_written_without_needless_zeros() -> None:
    rows = [(1, "a", 12_500_000, 3_000_000), (2, "b", 1, None), (3, "c", 0, -1_250_000)]
    lines = body("csv", rows).split(b"\r\n")[1:-1]
    assert lines == [b'1,"a",12.5,3', b'2,"b",0.000001,', b'3,"c",0,-1.25']


def test_polars_reads_arrow_and_parquet() -> None:
    rows = [(1, "a", 12_500_000, 3_000_000), (2, "b", 1, None)]
    for frame in (pl.read_ipc_stream(body("arrow", rows)), pl.read_parquet(body("parquet", rows))):
        assert frame.rows(named=True) == expected(rows)


def _neutral(cell: str) -> str:
    """The rule of https://owasp.org/www-community/attacks/CSV_Injection, but for plain numbers."""
    number = re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", cell, re.ASCII)
    return "'" + cell if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} and not number else cell


@given(st.text(st.sampled_from("=+-@\t\r09.eE1 x\n'"), max_size=8) | TEXT)
@example("-5")
@example("+007.50e-12")
@example("-5\n")
@example("-5e")
@example("-.5")
@example("+1,2")
@example("-5E3")
def test_one_rule_neutralises_in_python_polars_and_sqlite(cell: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        ((by_sqlite,),) = connection.execute(
            f"SELECT {neutralised_sql('cell')} FROM (SELECT ? AS cell)",  # noqa: S608 - of our own
            (cell,),
        )
    by_polars = pl.DataFrame({"cell": [cell]}).select(spreadsheet.neutralised("cell")).item()
    assert (neutralised(cell), by_polars, by_sqlite) == (_neutral(cell),) * 3
