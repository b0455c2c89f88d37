"""``app etl rejects``: CSV that any reader reads back and no spreadsheet runs; JSON as delivered."""

import csv
import io
import json
import subprocess
import sys
from typing import Any

import pytest

from tests.cli.conftest import SECOND, WRONG, History, Inside, document
from tests.support.program import environment

COLUMNS = ["file", "row", "id", "reason", "value", "record"]


def printed(history: History, run: str) -> bytes:
    """Return what the command prints, byte by byte."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "etl", "rejects", run],
        env=environment(history.home),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == b""
    return done.stdout


@pytest.fixture(scope="module")
def rows(history: History) -> list[dict[str, str]]:
    text = printed(history, history.second).decode()
    with io.StringIO(text, newline="") as file:
        reader = csv.DictReader(file)
        found = list(reader)
        assert reader.fieldnames == COLUMNS
    return found


def test_every_reject_is_there_whole(rows: list[dict[str, str]]) -> None:
    assert {int(row["row"]): row["reason"] for row in rows} == {
        number: reason for number, (reason, _) in WRONG.items()
    }
    for row in rows:
        assert json.loads(row["record"]) == list(SECOND[int(row["row"]) - 1])


def test_formulas_are_neutralised_and_numbers_stay(rows: list[dict[str, str]]) -> None:
    by_row = {int(row["row"]): row for row in rows}
    for number, row in by_row.items():
        _, value = WRONG[number]
        expected = "'" + value if value and value[0] in "=+-@" and value != "-5" else value
        if value is not None:
            assert row["value"] == expected
    assert by_row[2]["id"] == "'" + SECOND[1][0]
    assert by_row[4]["value"] == "-5"
    assert {row["file"] for row in rows} == {"'=2.csv"}


def test_json_is_as_delivered(history: History, inside: Inside) -> None:
    found: list[dict[str, Any]] = document(inside(history.home, "etl", "rejects", history.second, "--json"))
    assert [list(row) for row in found] == [COLUMNS] * len(WRONG)
    for row in found:
        reason, value = WRONG[row["row"]]
        assert (row["file"], row["reason"]) == ("=2.csv", reason)
        assert value is None or row["value"] == value
        assert json.loads(row["record"]) == list(SECOND[row["row"] - 1])


def test_a_run_without_rejects(history: History, inside: Inside) -> None:
    assert inside(history.home, "etl", "rejects", history.first).stdout == ",".join(COLUMNS) + "\n"
    assert document(inside(history.home, "etl", "rejects", history.first, "--json")) == []


def test_a_reader_that_has_seen_enough(history: History) -> None:
    """A pipe closed by its reader is no failure, and nothing is said about it."""
    for arguments in (("rejects", history.second), ("runs",), ("runs", "--json")):
        with subprocess.Popen(
            [sys.executable, "-m", "app", "etl", *arguments],
            env=environment(history.home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert (process.stderr.read(), process.wait(timeout=60)) == (b"", 0), arguments
