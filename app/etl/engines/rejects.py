"""Rejects on the embedded engine: kept whole, written in (file, row) order, never held in memory together."""

from collections import Counter
from pathlib import Path

import polars as pl

from app.etl.engines.base import REJECT_COLUMNS
from app.etl.readers.base import Record

REJECT_SCHEMA = dict.fromkeys(REJECT_COLUMNS, pl.String) | {"row": pl.Int64}


class Rejects:
    """One Parquet part per batch that has rejects."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True)
        self.counts: Counter[str] = Counter()

    def add(self, file: str, part: int, records: list[Record], rejects: pl.DataFrame) -> None:
        """Keep a batch's rejects (row, reason, value; null stands for the id) with their records."""
        if rejects.is_empty():
            return
        whole = rejects.with_columns(
            pl.lit(file).alias("file"),
            pl.Series("id", [record.id for record in records], dtype=pl.String),
            pl.Series("record", [record.json for record in records], dtype=pl.String),
        ).with_columns(pl.col("value").fill_null(pl.col("id")))
        self.counts.update(whole["reason"].to_list())
        self._write(part, whole.select(pl.col(name).cast(kind) for name, kind in REJECT_SCHEMA.items()))

    def _write(self, part: int, whole: pl.DataFrame) -> None:
        path = self._folder / f"{part:09}.parquet"
        if path.exists():
            whole = pl.concat([pl.read_parquet(path, memory_map=False), whole]).sort("row")
        whole.write_parquet(path, compression="zstd")

    def write(self, path: Path) -> int:
        """Write all rejects to one Parquet file and return how many there are."""
        parts = sorted(self._folder.glob("*.parquet"))
        if parts:
            pl.scan_parquet(parts, glob=False).sink_parquet(path, compression="zstd")
        else:
            pl.DataFrame(schema=REJECT_SCHEMA).write_parquet(path)
        return self.counts.total()
