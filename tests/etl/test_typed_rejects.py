"""Records of typed formats are kept as JSON that every parser reads."""

import json
from pathlib import Path
from typing import Any, NoReturn

import polars as pl
import pytest

from tests.reference.movies import REQUIRED
from tests.support.program import produce


def not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def the_record(home: Path, source: Path) -> Any:
    """Return the record of the only reject."""
    run = produce(home, source).run["run_id"]
    [text] = pl.read_parquet(home / "lake" / "runs" / run / "rejects.parquet")["record"].to_list()
    return json.loads(text, parse_constant=not_json)


def test_a_number_beyond_a_double_in_json_lines(tmp_path: Path) -> None:
    row = dict.fromkeys(REQUIRED) | {"id": 1, "release_date": "1999-12-31", "genres": []}
    text = json.dumps(row | {"popularity": "?"}).replace('"?"', "1e999")
    (tmp_path / "a.jsonl").write_text(text)
    record = the_record(tmp_path / "home", tmp_path / "a.jsonl")
    assert record == [1, None, "1999-12-31", None, None, "Infinity", [], None]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        ([{"x": float("nan"), "y": 0.5}], [{"x": "NaN", "y": 0.5}]),
        (b"caf\xe9", "caf\\xe9"),
    ],
)
def test_what_json_has_no_form_for_in_parquet(tmp_path: Path, value: Any, kept: Any) -> None:
    columns = {name: [""] for name in REQUIRED} | {"id": ["0"], "extra": [value]}
    pl.DataFrame(columns).write_parquet(tmp_path / "a.parquet")
    record = the_record(tmp_path / "home", tmp_path / "a.parquet")
    assert record == ["0", *[""] * (len(REQUIRED) - 1), kept]
