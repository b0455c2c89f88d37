"""The program seen from outside: run it over a delivery and read back what it landed.

Landed files are read with pyarrow, which the program does not use, into the reference's ``Outcome``.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.settings import Settings
from tests.reference.marts import KEYS
from tests.reference.movies import Reject
from tests.reference.outcome import Outcome

DIMENSION_FIELDS = {"genre": ("name", "slug"), "production_company": ("name",)}
REPORTS = ("genre_data.csv", "production_data.csv")


@dataclass(frozen=True)
class Produced:
    """A run's object as the program prints it, and what the run landed."""

    run: Mapping[str, Any]
    outcome: Outcome


def produce(home: Path, source: Path, **options: Any) -> Produced:
    """Run a delivery in this process: never published, never held for its rejects, whatever ran before."""
    settings = Settings(home=home, _env_file=None)
    chosen = RunOptions(**({"publish": False, "force": True, "max_reject_ratio": 1.0} | options))
    run = run_delivery(settings, str(source), chosen).run
    return read_back(home, run.document())


@dataclass(frozen=True)
class Command:
    """A finished command."""

    status: int
    stdout: str
    stderr: str


def environment(home: Path, **settings: str) -> dict[str, str]:
    """Return the environment of a process on the embedded default in ``home``, with these settings beside."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("APP_", "PYTHON"))}
    return inherited | {"APP_HOME": str(home)} | settings


def command(home: Path, *arguments: str, **settings: str) -> Command:
    """Run the command line as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env=environment(home, **settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Command(done.returncode, done.stdout, done.stderr)


@contextmanager
def started(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command; whatever is left of it at the end of the block is killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app", *arguments],
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_back(home: Path, run: Mapping[str, Any]) -> Produced:
    """Read what a run landed below the default destination, and check its own counts against it."""
    folder = home / "lake" / "runs" / run["run_id"]
    outcome = Outcome(
        counts={
            "rows": run["rows"],
            "accepted": run["accepted"],
            **{f"without {name}": run["without"][name] for name in DIMENSION_FIELDS},
        },
        marts={name: _mart(folder, name) for name in KEYS},
        dimensions={name: _dimension(folder, name) for name in DIMENSION_FIELDS},
        rejects=_rejects(folder),
        reports={name: (folder / "report" / name).read_bytes().decode() for name in REPORTS},
    )
    _check_own_counts(run, outcome)
    return Produced(run, outcome)


def assert_no_difference(found: str | None) -> None:
    """Fail with a difference, and with nothing else: the results themselves are too big to read."""
    if found is not None:
        pytest.fail(found, pytrace=False)


def _check_own_counts(run: Mapping[str, Any], outcome: Outcome) -> None:
    counted = {reason: count for reason, count in run["rejects"].items() if count}
    assert counted == Counter(reject.reason for reject in outcome.rejects)
    tables = {name: len(rows) for name, rows in (outcome.marts | outcome.dimensions).items()}
    assert {name: run["tables"][name] for name in tables} == tables


def _rows(folder: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / f"{name}.parquet").to_pylist()
    return rows


def _mart(folder: Path, name: str) -> dict[tuple[int, ...], dict[str, Any]]:
    rows = _rows(folder, name)
    mart = {tuple(row.pop(column) for column in KEYS[name]): row for row in rows}
    assert len(mart) == len(rows), f"{name} has a key twice"
    return mart


def _dimension(folder: Path, name: str) -> dict[int, tuple[str, ...]]:
    rows = _rows(folder, name)
    members = {row["id"]: tuple(row[field] for field in DIMENSION_FIELDS[name]) for row in rows}
    assert len(members) == len(rows), f"{name} has an id twice"
    return members


def _rejects(folder: Path) -> list[Reject]:
    return [Reject(**row | {"record": tuple(json.loads(row["record"]))}) for row in _rows(folder, "rejects")]
