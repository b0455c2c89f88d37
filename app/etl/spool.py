"""Movies on their way to the marts, kept in memory up to a bound and on disk beyond it.

Rows are spread over buckets by a hash of their id, so that all rows of an id meet in one bucket and the
duplicates of a delivery of any size are found one bucket at a time.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

#: Rows held in memory before they are written out (about 100 bytes each).
MAX_ROWS_IN_MEMORY = 1_000_000
BUCKETS = 64


class Spool:
    """Collects frames of one schema, in order; ``buckets`` gives them back, rows of one id together."""

    def __init__(self, folder: Path, max_rows: int = MAX_ROWS_IN_MEMORY) -> None:
        self._folder = folder
        self._max_rows = max_rows
        self._frames: list[pl.DataFrame] = []
        self._rows = 0
        self._flushes = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Append a frame with an ``id`` column."""
        self._frames.append(frame)
        self._rows += frame.height
        if self._rows > self._max_rows:
            self._flush()

    def buckets(self) -> Iterator[pl.DataFrame]:
        """Return each bucket as one frame, its rows in the order they came."""
        if not self._flushes:
            if self._frames:
                yield pl.concat(self._frames)
            return
        self._flush()
        for bucket in range(BUCKETS):
            parts = sorted(self._folder.glob(f"{bucket:03}-*.arrow"))
            if parts:
                yield pl.concat([pl.read_ipc(part) for part in parts])

    def _flush(self) -> None:
        if not self._frames:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        frame = pl.concat(self._frames).with_columns((pl.col("id").hash(seed=0) % BUCKETS).alias("bucket"))
        for (bucket,), part in frame.partition_by("bucket", as_dict=True, include_key=False).items():
            part.write_ipc(self._folder / f"{bucket:03}-{self._flushes:06}.arrow")
        self._frames, self._rows, self._flushes = [], 0, self._flushes + 1
