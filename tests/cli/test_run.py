"""``app etl run`` and ``sample``: what they print, where they land, how often they run."""

import csv
import gzip
import json
from pathlib import Path

import pytest

from tests.cli.conftest import SECOND, Inside, document, one_line
from tests.support.program import command
from tests.support.published import litter, published
from tests.support.small import movie, movies, write


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_json_is_the_run_and_whether_there_was_nothing_to_do(home: Path, tmp_path: Path) -> None:
    source = movies(tmp_path / "a.csv", 3)
    run = document(command(home, "etl", "run", str(source), "--as-of", "2026-11-01", "--json"))
    assert (run.pop("no_op"), run["status"], run["as_of"], run["accepted"]) == (
        False,
        "published",
        "2026-11-01",
        3,
    )
    assert document(command(home, "etl", "show", run["run_id"], "--json")) == run
    again = document(command(home, "etl", "run", str(source), "--json"))
    assert again == {**run, "no_op": True}
    assert published(home).run_id == run["run_id"]


def test_people_get_a_summary(home: Path, tmp_path: Path, inside: Inside) -> None:
    source = write(tmp_path / "a.csv", SECOND)
    done = inside(home, "etl", "run", str(source), "--max-reject-ratio", "1")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert (done.status, done.stderr) == (0, "")
    assert lines[0][0] == "run"
    assert lines[0][-1] == "published"
    assert ["rows", "9"] in lines
    assert ["accepted", "2"] in lines
    assert ["rejected:", "invalid_release_date", "3"] in lines
    assert "nothing to do" in inside(home, "etl", "run", str(source)).stdout


def test_a_held_run_is_printed_and_explained(home: Path, tmp_path: Path, inside: Inside) -> None:
    source = write(tmp_path / "a.csv", SECOND)
    held = inside(home, "etl", "run", str(source), "--json")
    run = json.loads(held.stdout)
    line = one_line(held, 4)
    assert run["status"] == "held"
    assert f"run {run['run_id']} is held back: 7 of 9 rows are rejects" in line
    assert f"'app etl rejects {run['run_id']}' lists the rejects" in line


def test_a_dry_run_has_the_same_status_and_writes_nothing(home: Path, tmp_path: Path) -> None:
    bad, good = write(tmp_path / "bad.csv", SECOND), movies(tmp_path / "good.csv", 3)
    held = command(home, "etl", "run", str(bad), "--dry-run", "--json")
    assert "7 of 9 rows are rejects" in one_line(held, 4)
    assert json.loads(held.stdout)["accepted"] == 2
    assert document(command(home, "etl", "run", str(good), "--dry-run", "--json"))["accepted"] == 3
    assert not home.exists()


@pytest.mark.parametrize("as_url", [False, True])
def test_another_destination(home: Path, tmp_path: Path, inside: Inside, as_url: bool) -> None:
    elsewhere = tmp_path / "else where"
    destination = elsewhere.as_uri() if as_url else str(elsewhere)
    source = movies(tmp_path / "a.csv", 3)
    run = document(inside(home, "etl", "run", str(source), "--destination", destination, "--json"))["run_id"]
    assert (elsewhere / "runs" / run / "manifest.json").is_file()
    assert not (home / "lake").exists()
    assert published(home).run_id == run
    assert inside(home, "etl", "rejects", run).stdout.startswith("file,row,")
    assert inside(home, "etl", "report", "--out", str(tmp_path / "out")).status == 0
    movies(tmp_path / "b.csv", 4)
    inside(home, "etl", "run", str(tmp_path / "b.csv"))
    assert document(inside(home, "etl", "prune", "--keep", "1", "--json")) == {"pruned": [run]}
    assert list((elsewhere / "runs").iterdir()) == []


def test_a_destination_that_cannot_be_used(home: Path, tmp_path: Path, inside: Inside) -> None:
    source = str(movies(tmp_path / "a.csv", 3))
    (tmp_path / "file").write_text("")
    line = one_line(inside(home, "etl", "run", source, "--destination", str(tmp_path / "file" / "lake")), 6)
    assert str(tmp_path / "file" / "lake") in line
    line = one_line(inside(home, "etl", "run", source, "--destination", "gopher://user:secret@host/x"), 2)
    assert "give a local folder" in line
    assert "secret" not in line
    assert document(inside(home, "etl", "run", source, "--json"))["status"] == "published"
    assert litter(home) == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--engine", "polar"), "did you mean 'polars'?"),
        (("--as-of", "2026-02-30"), "2026-02-30"),
        (("--as-of", "soon"), "soon"),
        (("--max-reject-ratio", "1.1"), "--max-reject-ratio"),
        (("--max-reject-ratio", "nan"), "--max-reject-ratio"),
        (("--fast",), "--fast"),
    ],
    ids=" ".join,
)
def test_options_that_cannot_be_used(
    home: Path, tmp_path: Path, inside: Inside, options: tuple[str, ...], named: str
) -> None:
    source = str(movies(tmp_path / "a.csv", 3))
    assert named in one_line(inside(home, "etl", "run", source, *options), 2)
    assert not list(home.rglob("*.parquet"))


def test_sample_writes_a_delivery(tmp_path: Path, home: Path, inside: Inside) -> None:
    out = tmp_path / "sample.csv.gz"
    printed = document(
        command(home, "etl", "sample", "--rows", "500", "--seed", "7", "--out", str(out), "--json")
    )
    assert (printed["file"], printed["rows"], printed["bytes"]) == (str(out), 500, out.stat().st_size)
    with gzip.open(out, "rt", newline="") as file:
        assert sum(1 for _ in csv.reader(file)) == 501
    again = inside(home, "etl", "sample", "--rows", "500", "--seed", "7", "--out", str(tmp_path / "b.csv"))
    assert "500 rows" in again.stdout
    assert (tmp_path / "b.csv").read_bytes() == gzip.decompress(out.read_bytes())


def test_the_same_movie_twice_is_two_rows_and_one_movie(home: Path, tmp_path: Path, inside: Inside) -> None:
    source = write(tmp_path / "a.csv", [movie(1), movie(1, revenue="35")])
    run = document(inside(home, "etl", "run", str(source), "--json"))
    assert (run["rows"], run["accepted"], run["rejects"]) == (2, 1, {"duplicate_id": 1})
