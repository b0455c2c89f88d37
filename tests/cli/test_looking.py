"""Looking at runs: ``runs``, ``show``, ``diff``, ``report``; for people and as one JSON document."""

import csv
from pathlib import Path

import pytest

from tests.cli.conftest import History, Inside, document, one_line
from tests.support.program import REPORTS, command


def test_runs_as_json(history: History) -> None:
    listed = document(command(history.home, "etl", "runs", "--json"))
    assert [run["run_id"] for run in listed] == [history.held, history.second, history.first]
    assert [run["status"] for run in listed] == ["held", "published", "superseded"]
    assert [run["accepted"] for run in listed] == [1, 2, 2]


def test_runs_for_people(history: History, inside: Inside) -> None:
    done = inside(history.home, "etl", "runs")
    head, *lines = done.stdout.splitlines()
    assert (done.status, done.stderr, head.split()[:2]) == (0, "", ["run_id", "status"])
    assert [line.split()[0] for line in lines] == [history.held, history.second, history.first]
    assert "a ratio of 0.5000 above 0.05" in lines[0]


def test_show_as_json(history: History) -> None:
    run = document(command(history.home, "etl", "show", history.second, "--json"))
    assert {name: run[name] for name in ("run_id", "status", "rows", "accepted", "engine")} == {
        "run_id": history.second,
        "status": "published",
        "rows": 9,
        "accepted": 2,
        "engine": "polars",
    }
    assert run["rejects"] == {
        "invalid_budget": 1,
        "invalid_id": 1,
        "invalid_release_date": 3,
        "malformed_row": 1,
        "missing_release_date": 1,
    }
    assert run["published_at"] > run["created_at"]
    assert run["created_at"].endswith("Z")


def test_show_for_people(history: History, inside: Inside) -> None:
    done = inside(history.home, "etl", "show", history.second)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["accepted", "2"] in lines
    assert ["rejects.malformed_row", "1"] in lines
    assert ["run_id", history.second] in lines


def test_diff_as_json(history: History) -> None:
    found = document(command(history.home, "etl", "diff", history.first, history.second, "--json"))
    years = [change for change in found if change["mart"] == "year"]
    assert [change["key"] for change in years] == [{"year": 1999}, {"year": 2001}]
    changed, added = years
    known = ("releases", "revenue", "profit", "popularity", "budget_known")
    assert [changed["before"][name] for name in known] == [2, 50, 30, 3.0, 2]
    assert [changed["after"][name] for name in known] == [1, 35, 25, 1.5, 1]
    assert (added["before"], [added["after"][name] for name in known]) == (None, [1, 25, 0, 1.5, 0])


def test_diff_for_people(history: History, inside: Inside) -> None:
    lines = inside(history.home, "etl", "diff", history.first, history.second).stdout.splitlines()
    assert ["year", "changed", "1"] in [line.split() for line in lines]
    assert any("revenue 50 -> 35" in line for line in lines)
    backwards = inside(history.home, "etl", "diff", history.second, history.first).stdout
    assert "removed" in backwards


def test_diff_of_a_run_with_itself_is_empty(history: History, inside: Inside) -> None:
    assert document(inside(history.home, "etl", "diff", history.first, history.first, "--json")) == []


def test_reports_are_those_that_landed(history: History, tmp_path: Path, inside: Inside) -> None:
    out = tmp_path / "out"
    written = document(command(history.home, "etl", "report", "--out", str(out), "--json"))
    assert written == {"run_id": history.second, "files": [str(out / name) for name in REPORTS]}
    assert_as_landed(history, history.second, out)
    done = inside(history.home, "etl", "report", "--run", history.first)
    assert (done.status, done.stdout.split()) == (0, [f"report/{name}" for name in REPORTS])
    assert_as_landed(history, history.first, tmp_path / "report")


def assert_as_landed(history: History, run: str, out: Path) -> None:
    landed = history.home / "lake" / "runs" / run / "report"
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        path.name: path.read_bytes() for path in landed.iterdir()
    }
    with (out / "genre_data.csv").open(newline="") as file:
        years = [row["release_year"] for row in csv.DictReader(file)]
    assert years == (["1999"] if run == history.first else ["1999", "2001"])


@pytest.mark.parametrize("name", ["show", "rejects", "publish", "report", "rollback"])
def test_a_run_that_never_was(history: History, inside: Inside, name: str) -> None:
    options = {"report": ("--run",), "rollback": ("--to",)}.get(name, ())
    line = one_line(inside(history.home, "etl", name, *options, f"{history.first}x"), 2)
    assert f"no run '{history.first}x'; did you mean '{history.first}'?" in line


def test_landed_files_that_are_gone(own_history: History, inside: Inside) -> None:
    gone = own_history.home / "lake" / "runs" / own_history.first / "rejects.parquet"
    gone.unlink()
    assert f"{gone} is missing; " in one_line(
        inside(own_history.home, "etl", "rejects", own_history.first), 6
    )


def test_a_folder_that_cannot_be_written(history: History, inside: Inside, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = one_line(inside(history.home, "etl", "report", "--out", str(tmp_path / "file" / "out")), 6)
    assert str(tmp_path / "file") in line


def test_nothing_is_published_yet(tmp_path: Path, inside: Inside) -> None:
    assert document(inside(tmp_path / "new", "etl", "runs", "--json")) == []
    line = one_line(inside(tmp_path / "new", "etl", "report"), 2)
    assert "no run is published yet; run 'app etl run SOURCE'" in line
