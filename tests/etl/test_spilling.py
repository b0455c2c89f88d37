"""The embedded engine within little memory: what waits on the disk meanwhile changes no row and no number."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from app.errors import SumOverflow
from app.etl.delivery import find
from app.etl.engines import Workplace, aggregate
from app.etl.engines.aggregate import SUMMED
from app.etl.engines.polars import PolarsEngine
from app.etl.engines.tally import Tally
from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.etl.progress import unwatched
from app.etl.readers import csv as csv_reader
from app.etl.sample import write_sample
from app.etl.spool import BUCKETS, Spool, by_id
from app.marts.definitions import MARTS, Mart
from app.settings import Settings
from tests.reference.difference import difference
from tests.reference.outcome import work_out
from tests.reference.readers import read_delivery
from tests.support.program import assert_no_difference, read_back

LITTLE, ENOUGH = 800_000, 2**30


@pytest.fixture
def delivery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sample in batches of 500 rows, a tenth of it delivered again in a second file."""
    monkeypatch.setattr(csv_reader, "BATCH_ROWS", 500)
    folder = tmp_path / "delivery"
    folder.mkdir()
    write_sample(3_000, 4, folder / "a.csv")
    write_sample(300, 4, folder / "b.csv")
    return folder


def test_little_memory_gives_what_the_reference_says(delivery: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", _env_file=None).model_copy(update={"memory": LITTLE})
    run = run_delivery(settings, str(delivery), RunOptions(publish=False, max_reject_ratio=1.0)).run
    expected = work_out(read_delivery(delivery), False)
    assert_no_difference(difference(expected, read_back(settings.home, run.document()).outcome))


def test_tables_are_the_same_however_much_memory_there_is(delivery: Path, tmp_path: Path) -> None:
    found = {}
    for memory in (LITTLE, ENOUGH):
        folder = tmp_path / str(memory)
        folder.mkdir()
        place = Workplace(folder, memory)
        found[memory] = PolarsEngine().transform(
            find(str(delivery), folder, unwatched), RunOptions(), place, unwatched
        )
    little, enough = found[LITTLE], found[ENOUGH]
    assert (little.rows, little.accepted, little.rejects) == (enough.rows, enough.accepted, enough.rejects)
    assert little.tables == enough.tables
    assert little.sums == enough.sums == little.totals == enough.totals
    for table in little.tables:
        here, there = (pl.read_parquet(at.folder / f"{table}.parquet") for at in (little, enough))
        assert here.equals(there), table
    for mart in MARTS:
        assert _is_sorted(pl.read_parquet(little.folder / f"{mart.name}.parquet").select(mart.key)), mart.name
    waited = {path.parent.name for path in little.folder.rglob("*.arrow")}
    assert {"spool", "company_year", "company_genre_year"} <= waited
    assert not list(enough.folder.rglob("*.arrow"))


def _is_sorted(keys: pl.DataFrame) -> bool:
    rows = keys.rows()
    return rows == sorted(set(rows))


@pytest.mark.parametrize("memory", [0, 2_000, ENOUGH])
def test_rows_of_an_id_meet_in_the_order_they_came(tmp_path: Path, memory: int) -> None:
    spool = Spool(tmp_path, memory, by_id)
    for first in range(0, 1_000, 100):
        ids = [number * 7 % 90 for number in range(first, first + 100)]
        spool.add(pl.DataFrame({"id": ids, "position": range(first, first + 100)}))
    buckets = list(spool.buckets())
    assert sorted(row for bucket in buckets for row in bucket.rows()) == sorted(
        (number * 7 % 90, number) for number in range(1_000)
    )
    of_bucket = [set(bucket["id"]) for bucket in buckets]
    assert sum(map(len, of_bucket)) == 90
    assert all(bucket["position"].is_sorted() for bucket in buckets)
    assert len(buckets) == 1 if memory == ENOUGH else 1 < len(buckets) <= BUCKETS


@pytest.mark.parametrize("memory", [0, ENOUGH])
def test_a_sum_beyond_64_bits_is_found_in_whatever_was_written_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int
) -> None:
    monkeypatch.setattr(aggregate, "partial", lambda mart, sums, ids: sums)
    whole = _tally_of(tmp_path / "fits", memory, revenue=2**62 - 1)
    whole.write(tmp_path / "fits.parquet")
    assert pl.read_parquet(tmp_path / "fits.parquet").select("year", "revenue").rows() == [
        (1995, 2**63 - 2),
        (1996, 2**62 - 1),
    ]
    with pytest.raises(SumOverflow, match="a sum of revenue in mart year is beyond"):
        _tally_of(tmp_path / "beyond", memory, revenue=2**62).write(tmp_path / "beyond.parquet")


def _tally_of(folder: Path, memory: int, revenue: int) -> Tally:
    """A tally of years: one has this revenue twice, of five million movies each, one has it once."""
    year = next(mart for mart in MARTS if mart.name == "year")
    made = Tally(year, folder, memory)
    for number in (1995, 1995, 1996):
        sums: dict[str, int] = {measure.name: 5_000_000 for measure in SUMMED} | {"revenue": revenue}
        made.add(pl.DataFrame({"year": [number], **{name: [value] for name, value in sums.items()}}), {})
    return made


def test_no_sum_is_over_more_movies_than_64_bits_hold(
    delivery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, heights = aggregate.partial, []

    def partial(mart: Mart, movies: pl.DataFrame, ids: Mapping[str, pl.Series]) -> pl.DataFrame:
        heights.append(movies.height)
        return original(mart, movies, ids)

    monkeypatch.setattr(aggregate, "partial", partial)
    monkeypatch.setattr(aggregate, "MOVIES_IN_64_BITS", 100)
    found = PolarsEngine().transform(
        find(str(delivery), tmp_path, unwatched), RunOptions(), Workplace(tmp_path, 2**50), unwatched
    )
    assert max(heights) == 99
    assert sum(heights) == len(MARTS) * found.accepted
    assert found.sums == found.totals
