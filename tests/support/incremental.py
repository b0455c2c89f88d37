"""Runs one after the other, and what each of them landed."""

from pathlib import Path
from typing import Any

from app.etl.landing import read_manifest
from app.etl.options import RunOptions
from app.etl.pipeline import Outcome, run_delivery
from app.settings import Settings
from app.storage import open_store


def settings_in(home: Path, **others: Any) -> Settings:
    """Settings of the embedded default in a folder."""
    return Settings(home=home, _env_file=None, **others)


def run(settings: Settings, source: Path, **options: Any) -> Outcome:
    """Run a delivery, published whatever it has."""
    lenient = {"max_reject_ratio": 1.0, "allow_shrink": True, "force": True}
    return run_delivery(settings, str(source), RunOptions(**(lenient | options)))


def landed(settings: Settings, outcome: Outcome) -> dict[str, str]:
    """Return the sha256 of everything that a run landed, by name."""
    manifest = read_manifest(open_store(settings.lake), outcome.run.run_id)
    return {entry.key: entry.sha256 for entry in manifest.objects}


def full(tmp_path: Path, source: Path, **options: Any) -> dict[str, str]:
    """Return what a program that has never run before lands of a delivery."""
    home = tmp_path / f"fresh-{len(list(tmp_path.glob('fresh-*')))}"
    settings = settings_in(home)
    return landed(settings, run(settings, source, **options))


def changes(outcome: Outcome) -> tuple[int, int, int, int] | None:
    """Return how many movies were new, changed, unchanged, gone; None where no last run was known."""
    found = outcome.changes
    return (found.new, found.changed, found.unchanged, found.gone) if found else None
