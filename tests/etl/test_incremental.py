"""Incremental runs: only new and changed rows are parsed, and what lands is what a full run lands."""

import json
from itertools import count
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.etl.engines import polars as engine
from app.etl.landing import read_manifest
from app.etl.normalise import Normalised, normalise
from app.etl.sample import write_sample
from app.etl.spool import Spool
from app.storage import open_store
from tests.reference.difference import difference
from tests.reference.movies import DataFile
from tests.reference.outcome import work_out
from tests.reference.readers import read_delivery
from tests.support import wild
from tests.support.deliveries import FORMATS, CsvStyle, write
from tests.support.incremental import changes, full, landed, run, settings_in
from tests.support.program import assert_no_difference, command, produce
from tests.support.small import HEADER, movie, movies
from tests.support.small import write as write_csv

Records = list[tuple[str, ...]]


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of all rows that were normalised."""
    ids: list[str] = []

    def noting(cells: pl.DataFrame, require_financials: bool = False) -> Normalised:
        ids.extend(cells["id"].to_list())
        return normalise(cells, require_financials)

    monkeypatch.setattr(engine, "normalise", noting)
    return ids


def test_only_new_and_changed_rows_are_parsed(tmp_path: Path, parsed: list[str]) -> None:
    settings = settings_in(tmp_path / "home")
    assert changes(run(settings, movies(tmp_path / "a.csv", 6))) is None
    parsed.clear()
    later = [movie(9), movie(5), movie(2, budget="11"), movie(1), movie(4)]  # 3 and 6 are gone, 9 is new
    outcome = run(settings, write_csv(tmp_path / "b.csv", later))
    assert sorted(parsed) == ["2", "9"]
    assert changes(outcome) == (1, 1, 3, 2)
    assert landed(settings, outcome) == full(tmp_path, tmp_path / "b.csv")


def test_the_run_before_the_last_is_forgotten(tmp_path: Path, parsed: list[str]) -> None:
    settings = settings_in(tmp_path / "home")
    for first in (1, 4, 1):
        parsed.clear()
        outcome = run(settings, movies(tmp_path / "a.csv", 3, first))
        assert len(parsed) == 3
    assert changes(outcome) == (3, 0, 0, 3)
    assert [path.name for path in (settings.home / "lake/movies").iterdir()] == [outcome.run.run_id]
    (store,) = (settings.home / "rows").iterdir()
    assert sorted(path.name for path in store.iterdir()) == [outcome.run.run_id, "head"]


@pytest.mark.parametrize(
    "later",
    [
        [movie(1), movie(1), movie(2)],
        [movie(1, revenue="30"), movie(2), movie(1)],
        [movie(1), movie(2), movie(1, revenue="30")],
        [movie(2), movie(1), movie(1, date="none"), movie(2, date="")],
    ],
    ids=["known-twice", "known-wins", "new-wins", "rejects-do-not-win"],
)
def test_the_last_row_of_an_id_wins(tmp_path: Path, later: Records) -> None:
    settings = settings_in(tmp_path / "home")
    run(settings, movies(tmp_path / "a.csv", 2))
    outcome = run(settings, write_csv(tmp_path / "b.csv", later))
    assert landed(settings, outcome) == full(tmp_path, tmp_path / "b.csv")


def test_rejects_are_judged_again(tmp_path: Path, parsed: list[str]) -> None:
    settings = settings_in(tmp_path / "home")
    source = write_csv(tmp_path / "a.csv", [movie(1), movie(2, date=""), movie(3), movie(3)])
    first = run(settings, source)
    parsed.clear()
    second = run(settings, source)
    assert parsed == ["2"]
    assert changes(second) == (0, 0, 2, 0)
    assert landed(settings, second) == landed(settings, first)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format(tmp_path: Path, name: str, parsed: list[str]) -> None:
    settings = settings_in(tmp_path / "home")
    rows = [list(movie(number)) for number in range(1, 9)]
    paths = [tmp_path / folder / name for folder in ("a", "b")]
    for path, records in zip(paths, (rows[:7], [*rows[2:], list(movie(1, revenue="26"))]), strict=True):
        path.parent.mkdir()
        path.write_bytes(FORMATS[name](list(HEADER), records))
        parsed.clear()
        outcome = run(settings, path)
    assert sorted(parsed) == ["1", "8"]
    assert changes(outcome) == (1, 1, 5, 1)
    assert landed(settings, outcome) == full(tmp_path, paths[1])


def test_a_row_is_known_only_under_its_header(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "home")
    run(settings, movies(tmp_path / "a.csv", 3))
    swap = {"budget": "revenue", "revenue": "budget"}
    other = [swap.get(name, name) for name in HEADER]
    outcome = run(settings, write_csv(tmp_path / "b.csv", [movie(1), movie(2), movie(3)], other))
    assert changes(outcome) == (0, 3, 0, 0)
    assert landed(settings, outcome) == full(tmp_path, tmp_path / "b.csv")


def test_full_runs_parse_everything_and_are_kept(tmp_path: Path, parsed: list[str]) -> None:
    settings = settings_in(tmp_path / "home")
    source = movies(tmp_path / "a.csv", 3)
    run(settings, source)
    parsed.clear()
    assert changes(run(settings, source, full=True)) is None
    assert len(parsed) == 3
    assert changes(run(settings, source)) == (0, 0, 3, 0)


@pytest.mark.parametrize("options", [{"publish": False}, {"dry_run": True}, {"max_reject_ratio": 0.1}])
def test_only_published_runs_are_kept(tmp_path: Path, options: dict[str, object]) -> None:
    settings = settings_in(tmp_path / "home")
    run(settings, movies(tmp_path / "a.csv", 3))
    run(settings, write_csv(tmp_path / "b.csv", [movie(7), movie(8, date="")]), **options)
    assert changes(run(settings, movies(tmp_path / "a.csv", 3))) == (0, 0, 3, 0)


def test_the_counts_are_told_everywhere(tmp_path: Path) -> None:
    home = tmp_path / "home"
    command(home, "etl", "run", str(movies(tmp_path / "a.csv", 3)))
    told = command(home, "etl", "run", str(movies(tmp_path / "b.csv", 4, 2)), "--json")
    document = json.loads(told.stdout)
    expected = {"new": 2, "changed": 0, "unchanged": 2, "gone": 1}
    manifest = read_manifest(open_store(str(home / "lake")), document["run_id"])
    assert manifest.changes == expected
    shown = command(home, "etl", "run", str(movies(tmp_path / "c.csv", 3))).stdout
    assert [line.split() for line in shown.splitlines() if line.split()[0] in expected] == [
        ["new", "1"],
        ["changed", "0"],
        ["unchanged", "2"],
        ["gone", "2"],
    ]


def test_a_large_delivery_with_some_rows_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "Spool", lambda folder, _, bucket_of: Spool(folder, 100_000, bucket_of))
    settings = settings_in(tmp_path / "home")
    write_sample(5000, 1, tmp_path / "a.csv")
    content = (tmp_path / "a.csv").read_bytes()
    (tmp_path / "b.csv").write_bytes(content.replace(b",1999-0", b",1998-0"))
    run(settings, tmp_path / "a.csv")
    outcome = run(settings, tmp_path / "b.csv")
    _, changed, unchanged, _ = changes(outcome) or (0, 0, 0, 0)
    assert 0 < changed < unchanged
    assert landed(settings, outcome) == full(tmp_path, tmp_path / "b.csv")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wild")


_numbers = count()


@given(old=wild.data_files(), new=wild.data_files(), style=wild.styles(), data=st.data())
@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_wild_deliveries_after_others(
    root: Path, old: DataFile, new: DataFile, style: CsvStyle, data: st.DataObject
) -> None:
    mixed = data.draw(st.lists(st.sampled_from([*old.records, *new.records]), min_size=1, max_size=20))
    lenient = {"publish": True, "allow_shrink": True}
    for file in (old, DataFile(old.path, old.header, mixed)):
        source = write(root / f"delivery-{next(_numbers)}", [file], style) / file.path
        produced = produce(root / "home", source, **lenient)
        assert_no_difference(difference(work_out(read_delivery(source), False), produced.outcome))
