"""Runs as a whole: no-op, dry run, audits, as-of, failures, and what is left of each."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.database import open_engine, ready
from app.errors import ConfigurationError, SumOverflow
from app.etl.engines import aggregate
from app.etl.options import RunOptions
from app.etl.pipeline import Outcome, run_delivery
from app.settings import Settings
from app.warehouse import runs
from tests.support.small import movie, movies, write


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of the embedded default in a fresh folder."""
    return Settings(home=tmp_path / "home", _env_file=None)


def run(settings: Settings, source: Path, **options: Any) -> Outcome:
    """Run a delivery."""
    return run_delivery(settings, str(source), RunOptions(**options))


def catalogue(settings: Settings) -> list[runs.Run]:
    """Return the runs of the catalogue, the newest first."""
    with ready(open_engine(settings.warehouse), "warehouse").connect() as connection:
        return runs.newest_first(connection)


def current_id(settings: Settings) -> str | None:
    """Return the published run's id."""
    with ready(open_engine(settings.warehouse), "warehouse").connect() as connection:
        current = runs.current(connection)
        return current.run_id if current else None


def test_the_same_content_is_a_no_op(settings: Settings, tmp_path: Path) -> None:
    first = run(settings, movies(tmp_path / "a.csv", 3))
    again = run(settings, movies(tmp_path / "renamed.csv", 3))
    assert (again.no_op, again.run.run_id) == (True, first.run.run_id)
    assert len(catalogue(settings)) == 1


def test_only_what_changes_marts_makes_another_run(settings: Settings, tmp_path: Path) -> None:
    source = movies(tmp_path / "a.csv", 3)
    run(settings, source)
    assert run(settings, source, max_reject_ratio=0.5, as_of="2026-11-01", allow_shrink=True).no_op
    assert not run(settings, source, require_financials=True).no_op
    assert not run(settings, source).no_op  # the current run was made with --require-financials


def test_force_runs_again(settings: Settings, tmp_path: Path) -> None:
    source = movies(tmp_path / "a.csv", 3)
    first = run(settings, source)
    second = run(settings, source, force=True)
    assert not second.no_op
    assert [item.run_id for item in catalogue(settings)] == [second.run.run_id, first.run.run_id]
    assert [item.status for item in catalogue(settings)] == ["published", "superseded"]


def test_a_dry_run_writes_nothing(settings: Settings, tmp_path: Path) -> None:
    outcome = run(settings, movies(tmp_path / "a.csv", 3), dry_run=True)
    assert outcome.run.accepted == 3
    assert not settings.home.exists()


def test_a_dry_run_knows_the_published_run(settings: Settings, tmp_path: Path) -> None:
    source = movies(tmp_path / "a.csv", 10)
    run(settings, source)
    assert run(settings, source, dry_run=True).no_op
    held = run(settings, movies(tmp_path / "b.csv", 4), dry_run=True).held
    assert held is not None
    assert "below half" in str(held)
    assert len(catalogue(settings)) == 1


def test_not_published_on_request(settings: Settings, tmp_path: Path) -> None:
    outcome = run(settings, movies(tmp_path / "a.csv", 3), publish=False)
    assert (outcome.run.status, outcome.held) == ("held", None)
    assert current_id(settings) is None


@pytest.mark.parametrize(
    ("limit", "bad", "status"),
    [(0.05, 5, "published"), (0.05, 6, "held"), (0.29, 29, "published"), (0.29, 30, "held")],
)
def test_the_reject_ratio_counts_from_above_the_limit(
    settings: Settings, tmp_path: Path, limit: float, bad: int, status: str
) -> None:
    records = [movie(number, date="?" if number <= bad else "1999-05-01") for number in range(1, 101)]
    outcome = run(settings, write(tmp_path / "a.csv", records), max_reject_ratio=limit)
    assert outcome.run.status == status
    assert (outcome.held is None) == (status == "published")


def test_duplicates_and_missing_financials_do_not_count(settings: Settings, tmp_path: Path) -> None:
    records = [movie(1), movie(1), movie(1), movie(2, budget="0"), movie(3, revenue="")]
    outcome = run(settings, write(tmp_path / "a.csv", records), require_financials=True)
    assert outcome.run.status == "published"
    assert dict(outcome.run.rejects) == {"duplicate_id": 2, "missing_financials": 2}


def test_a_held_run_is_kept_and_the_old_one_served(settings: Settings, tmp_path: Path) -> None:
    first = run(settings, movies(tmp_path / "a.csv", 9))
    records = [movie(number, date="x") for number in range(1, 9)]
    held = run(settings, write(tmp_path / "b.csv", records))
    assert held.held is not None
    assert held.run.reason is not None
    assert "8 of 8 rows are rejects" in held.run.reason
    assert "no movie was accepted" in held.run.reason
    assert current_id(settings) == first.run.run_id
    manifest = settings.home / "lake" / "runs" / held.run.run_id / "manifest.json"
    assert json.loads(manifest.read_text())["rejects"] == {"invalid_release_date": 8}


@pytest.mark.parametrize(("count", "status"), [(5, "published"), (4, "held")])
def test_shrinking_below_half(settings: Settings, tmp_path: Path, count: int, status: str) -> None:
    run(settings, movies(tmp_path / "a.csv", 10))
    assert run(settings, movies(tmp_path / "b.csv", count)).run.status == status
    if status == "held":
        assert run(settings, tmp_path / "b.csv", allow_shrink=True).run.status == "published"


def test_totals_that_do_not_reconcile(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = aggregate.partial

    def lossy(mart: Any, *rest: Any) -> Any:
        frame = original(mart, *rest)
        return frame.head(0) if mart.name == "company_year" else frame

    monkeypatch.setattr(aggregate, "partial", lossy)
    outcome = run(settings, movies(tmp_path / "a.csv", 3))
    assert outcome.run.status == "held"
    assert "company_year.releases adds up to 0, the movies to 3" in str(outcome.run.reason)


def test_a_sum_beyond_64_bits_fails_the_run(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(settings, movies(tmp_path / "a.csv", 3))
    monkeypatch.setattr(aggregate, "combine", lambda mart, sums: sums.with_columns(budget=2**63))
    with pytest.raises(SumOverflow, match="budget in mart year"):
        run(settings, movies(tmp_path / "b.csv", 4))
    assert current_id(settings) == first.run.run_id
    newest = catalogue(settings)[0]
    assert (newest.status, newest.location) == ("failed", None)
    assert "beyond 2^63-1" in str(newest.reason)


def test_a_real_sum_beyond_64_bits_is_found() -> None:
    import polars as pl

    from app.marts.definitions import MARTS

    half = {measure.name: 2**62 for measure in aggregate.SUMMED}
    part = pl.DataFrame({"year": [1999]}).with_columns(
        pl.lit(value, dtype=pl.Int128).alias(name) for name, value in half.items()
    )
    combined = aggregate.combine(MARTS[0], pl.concat([part, part]))
    assert combined["budget"].to_list() == [2**63]
    with pytest.raises(SumOverflow):
        aggregate.finish(MARTS[0], combined)


def test_the_period_fills_the_source_and_is_kept(settings: Settings, tmp_path: Path) -> None:
    movies(tmp_path / "2026-11-01" / "a.csv", 3)
    outcome = run(settings, tmp_path / "{as_of}", as_of="2026-11-01")
    assert outcome.run.as_of == "2026-11-01"
    assert catalogue(settings)[0].as_of == "2026-11-01"


@pytest.mark.parametrize(
    ("as_of", "message"),
    [
        (None, "asks for the period"),
        *((text, "is no date") for text in ("2026-02-30", "20260101", "2026-W01-1")),
    ],
)
def test_a_period_that_is_missing_or_wrong(
    settings: Settings, tmp_path: Path, as_of: str | None, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        run(settings, tmp_path / "{as_of}", as_of=as_of)


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_cannot_be_used_is_told_before_anything_else(
    settings: Settings, tmp_path: Path, dry_run: bool
) -> None:
    source = movies(tmp_path / "a.csv", 3)
    run(settings, source)
    with pytest.raises(ConfigurationError, match="no engine 'hadoop'"):
        run(settings, source, engine="hadoop", dry_run=dry_run)
    elsewhere = settings.model_copy(update={"destination": "gopher://host/lake"})
    with pytest.raises(ConfigurationError, match="gopher"):
        run(elsewhere, source, dry_run=dry_run)
    assert len(catalogue(settings)) == 1


def test_an_empty_source_is_not_the_working_folder(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="no source"):
        run_delivery(settings, "", RunOptions())


def test_keep_runs_prunes_after_each_publish(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", keep_runs=2, _env_file=None)
    made = [run(settings, movies(tmp_path / f"{count}.csv", count)).run.run_id for count in (3, 4, 5)]
    assert [item.run_id for item in catalogue(settings)] == [made[2], made[1]]
    assert {path.name for path in (settings.home / "lake" / "runs").iterdir()} == {made[1], made[2]}


def test_a_slug_made_with_an_id_may_meet_another(settings: Settings, tmp_path: Path) -> None:
    genres = "[{'id': 1, 'name': 'Drama'}, {'id': 2, 'name': 'drama'}, {'id': 3, 'name': 'Drama 1'}]"
    record = (*movie(7)[:6], genres, movie(7)[7])
    outcome = run(settings, write(tmp_path / "a.csv", [record]))
    report = settings.home / "lake" / "runs" / outcome.run.run_id / "report" / "production_data.csv"
    header, line = report.read_text().splitlines()
    assert header.endswith(",releases_drama_1,releases_drama_1,releases_drama_2")
    assert line == "1999,3,Pixar,1,10,25,15,1.5,1,1,1"


def test_a_home_of_any_name_keeps_its_own_state(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "a?b=1%20 #\u00e9", _env_file=None)
    run(settings, movies(tmp_path / "a.csv", 3))
    assert {path.name for path in settings.home.iterdir()} == {"lake", "rows", "warehouse.sqlite", "work"}
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [settings.home.name]


def test_the_manifest_says_what_landed(settings: Settings, tmp_path: Path) -> None:
    source = movies(tmp_path / "a.csv", 3)
    outcome = run(settings, source)
    folder = settings.home / "lake" / "runs" / outcome.run.run_id
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["files"][0]["size"] == source.stat().st_size
    assert manifest["tables"] == {
        "year": 1,
        "genre_year": 1,
        "company_year": 1,
        "company_genre_year": 1,
        "genre": 1,
        "production_company": 1,
        "rejects": 0,
    }
    newest = max(folder.rglob("*.*"), key=lambda path: path.stat().st_mtime_ns)
    assert newest.name == "manifest.json"
