"""``--keep-missing``: movies of the published run that a delivery has no valid row of stay as they were."""

import shutil
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.warehouse import publish, runs
from app.warehouse.opening import ready_warehouse
from tests.support.incremental import changes, full, landed, run, settings_in
from tests.support.program import Command, command
from tests.support.small import movie, movies, write

TABLES = ("year", "genre_year", "company_year", "company_genre_year", "genre", "production_company")
LATER = [movie(9), movie(5), movie(2, budget="11"), movie(4, date="never"), movie(9, revenue="8")]


def tables(objects: dict[str, str]) -> dict[str, str]:
    return {name: objects[f"{name}.parquet"] for name in TABLES}


def test_marts_are_those_of_both_deliveries_and_rejects_those_of_this_one(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "home")
    run(settings, movies(tmp_path / "a.csv", 6))
    later = write(tmp_path / "b.csv", LATER)
    outcome = run(settings, later, keep_missing=True)
    both = write(tmp_path / "both.csv", [*(movie(number) for number in (1, 3, 4, 6)), *LATER])
    found = landed(settings, outcome)
    assert tables(found) == tables(full(tmp_path, both))
    assert found["rejects.parquet"] == full(tmp_path, later)["rejects.parquet"]
    assert changes(outcome) == (1, 1, 1, 4)
    assert (outcome.run.rows, outcome.run.accepted) == (5, 7)
    assert outcome.run.rejects == {"duplicate_id": 1, "invalid_release_date": 1}


def test_they_stay_for_as_many_runs_as_they_are_missing(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "home")
    for first in (1, 4, 7):
        outcome = run(settings, movies(tmp_path / f"{first}.csv", 3, first), keep_missing=True)
    assert tables(landed(settings, outcome)) == tables(full(tmp_path, movies(tmp_path / "all.csv", 9)))
    assert changes(outcome) == (3, 0, 0, 6)
    without = run(settings, movies(tmp_path / "7.csv", 3, 7))
    assert (changes(without), without.run.accepted) == ((0, 0, 3, 6), 3)


def test_the_same_delivery_is_another_run_with_it_and_none_the_second_time(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "home")
    run(settings, movies(tmp_path / "a.csv", 3))
    source = movies(tmp_path / "b.csv", 2)
    run(settings, source)
    assert not run(settings, source, keep_missing=True, force=False).no_op
    assert run(settings, source, keep_missing=True, force=False).no_op
    assert not run(settings, source, force=False).no_op


def test_a_dry_run_counts_them(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "home")
    run(settings, movies(tmp_path / "a.csv", 3))
    dry = run(settings, movies(tmp_path / "b.csv", 2, 5), keep_missing=True, dry_run=True)
    assert (dry.run.rows, dry.run.accepted) == (2, 5)


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("lost", ["rows", "lake/movies"])
def test_it_is_refused_where_the_last_run_is_not_remembered(tmp_path: Path, lost: str, dry_run: bool) -> None:
    settings = settings_in(tmp_path / "home")
    first = run(settings, movies(tmp_path / "a.csv", 3))
    shutil.rmtree(settings.home / lost)
    with pytest.raises(ConfigurationError, match=f"the published run {first.run.run_id}; they are not rem"):
        run(settings, movies(tmp_path / "b.csv", 2, 5), keep_missing=True, dry_run=dry_run)
    with ready_warehouse(settings.warehouse).engine.connect() as connection:
        assert runs.current(connection) == first.run


@pytest.mark.parametrize("options", [{"full": True}, {"require_financials": True}])
def test_it_is_refused_with_other_options(tmp_path: Path, options: dict[str, bool]) -> None:
    settings = settings_in(tmp_path / "home")
    run(settings, movies(tmp_path / "a.csv", 3))
    with pytest.raises(ConfigurationError, match="leave out --full"):
        run(settings, movies(tmp_path / "b.csv", 2, 5), keep_missing=True, **options)


def test_it_is_refused_after_a_rollback(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "home")
    first = run(settings, movies(tmp_path / "a.csv", 3))
    run(settings, movies(tmp_path / "b.csv", 3, 2))
    with ready_warehouse(settings.warehouse).engine.begin() as connection:
        publish.rollback(connection)
    with pytest.raises(ConfigurationError, match=first.run.run_id):
        run(settings, movies(tmp_path / "c.csv", 3, 3), keep_missing=True)


def test_the_command_says_so(tmp_path: Path) -> None:
    def ran(name: str, first: int) -> Command:
        source = movies(tmp_path / name, 3, first)
        return command(tmp_path / "home", "etl", "run", str(source), "--keep-missing")

    assert ran("a.csv", 1).status == 0  # nothing is published yet that could be kept
    assert ran("b.csv", 3).status == 0
    shutil.rmtree(tmp_path / "home" / "rows")
    refused = ran("c.csv", 4)
    assert refused.status == 2
    assert "--keep-missing needs the movies of the published run" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
