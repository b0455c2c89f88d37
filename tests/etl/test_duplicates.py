"""Duplicates of a delivery: their records are fetched again in one pass over each file."""

import gzip
from pathlib import Path

import polars as pl
import pytest

from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.etl.readers import DataFile
from app.etl.readers import csv as csv_reader
from app.etl.readers.streams import open_stream
from app.settings import Settings
from tests.support.small import movie, write


def test_a_compressed_file_is_read_again_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = write(tmp_path / "plain" / "a.csv", [movie(1 + number // 2) for number in range(2_000)])
    source = tmp_path / "a.csv.gz"
    source.write_bytes(gzip.compress(plain.read_bytes()))
    opened: list[str] = []

    def counted(file: DataFile) -> object:
        opened.append(file.name)
        return open_stream(file)

    monkeypatch.setattr(csv_reader, "BATCH_ROWS", 100)
    monkeypatch.setattr(csv_reader, "open_stream", counted)
    settings = Settings(home=tmp_path / "home", _env_file=None)
    run = run_delivery(settings, str(source), RunOptions()).run
    assert opened == ["a.csv.gz"] * 2
    rejects = pl.read_parquet(tmp_path / "home" / "lake" / "runs" / run.run_id / "rejects.parquet")
    assert rejects["row"].to_list() == list(range(1, 2_000, 2))
    assert rejects["id"].to_list() == [str(number) for number in range(1, 1_001)]
