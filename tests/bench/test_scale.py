"""What stands beside a run answers the same question, and the whole tree of processes is measured."""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app.etl.sample import write_sample
from bench.measure import MIB
from bench.scale import by_duckdb, by_polars, changed
from bench.scale.contest import benchmark
from bench.scale.tree import tree_cost
from tests.support.program import produce

SUMS = ("releases", "budget", "revenue", "profit", "popularity")
MARTS = ("year", "genre_year", "company_year", "company_genre_year")
Totals = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Sample:
    """A delivery, and what the program's marts of it add up to."""

    file: Path
    totals: Totals


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    home = tmp_path_factory.mktemp("home")
    write_sample(3_000, 1, home / "sample.csv")
    marts = produce(home, home / "sample.csv").outcome.marts
    totals = {mart: _sums(list(marts[mart].values())) for mart in MARTS}
    return Sample(home / "sample.csv", totals)


def _totals(folder: Path) -> Totals:
    return {mart: _sums(pl.read_parquet(folder / f"{mart}.parquet").to_dicts()) for mart in MARTS}


def _sums(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {"rows": len(rows)} | {name: float(sum(row[name] or 0 for row in rows)) for name in SUMS}


def _assert_same(found: Totals, wanted: Totals, within: float) -> None:
    for mart in MARTS:
        assert found[mart] == pytest.approx(wanted[mart], rel=within), mart


def test_duckdb_by_hand_adds_up_to_the_marts(sample: Sample, tmp_path: Path) -> None:
    by_duckdb.main(str(sample.file), str(tmp_path))
    _assert_same(_totals(tmp_path), sample.totals, 1e-9)


def test_polars_by_hand_adds_up_to_the_marts(sample: Sample, tmp_path: Path) -> None:
    by_polars.main("names", str(sample.file), str(tmp_path))
    found = _totals(tmp_path)
    for mart in MARTS:
        found[mart]["rows"] = sample.totals[mart]["rows"]  # two ids with one name are one row there
    _assert_same(found, sample.totals, 1e-9)


def test_polars_by_hand_loses_only_the_odd_cell_of_json(sample: Sample, tmp_path: Path) -> None:
    by_polars.main("json", str(sample.file), str(tmp_path))
    found = _totals(tmp_path)
    for mart in ("year", "genre_year"):
        assert found[mart] == pytest.approx(sample.totals[mart], rel=1e-9), mart
    for mart in ("company_year", "company_genre_year"):
        assert 0.99 < found[mart]["releases"] / sample.totals[mart]["releases"] <= 1, mart


def test_the_next_delivery_differs_in_one_row_of_a_hundred(sample: Sample, tmp_path: Path) -> None:
    changed.main(str(sample.file), str(tmp_path / "next.csv"))
    before, after = (
        list(csv.reader(file.read_text(encoding="utf-8").splitlines(keepends=True)))
        for file in (sample.file, tmp_path / "next.csv")
    )
    assert len(after) == len(before) == 3_001
    assert [place for place in range(3_001) if before[place] != after[place]] == list(range(1, 3_001, 100))


def test_the_cost_is_that_of_all_processes_together() -> None:
    grow = "import time\nheld = b'x' * (120 * 2**20)\nbusy = time.process_time() + 0.4\n"
    work = f"{grow}while time.process_time() < busy: pass\n"
    both = f"import subprocess, sys\n{grow}subprocess.run([sys.executable, '-c', {work!r}], check=True)"
    cost = tree_cost([sys.executable, "-c", both])
    assert 240 * MIB < cost.peak < 360 * MIB
    assert 0.4 <= cost.cpu < 2
    assert cost.seconds >= 0.4


def test_children_that_nobody_waited_for_count_too() -> None:
    work = "import time\nbusy = time.process_time() + 0.5\nwhile time.process_time() < busy: pass\n"
    leave = (
        "import subprocess, sys, time\n"
        f"left = subprocess.Popen([sys.executable, '-c', {work!r}], stdout=subprocess.PIPE)\n"
        "left.stdout.read()\ntime.sleep(0.5)"
    )
    assert tree_cost([sys.executable, "-W", "ignore", "-c", leave]).cpu >= 0.4


def test_a_command_that_fails_ends_the_benchmark() -> None:
    with pytest.raises(SystemExit, match="exited with 3: why"):
        tree_cost([sys.executable, "-c", "print('why'); raise SystemExit(3)"])


def test_every_contestant_is_in_the_table(capfd: pytest.CaptureFixture[str]) -> None:
    benchmark([500], rounds=1)
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("500 rows")
    for name in (
        "app, polars ",
        "app, polars, next delivery",
        "bare Polars scan",
        "Polars by hand",
        "DuckDB by hand",
    ):
        assert any(line.startswith(name) for line in lines), name
