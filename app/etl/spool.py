"""Rows on their way, kept in memory up to a bound and on disk beyond it.

On disk rows are spread over buckets, so that those that belong together meet in one bucket and a delivery of
any size is worked on one bucket at a time.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

BUCKETS = 64


class Spool:
    """Collects frames of one schema, in order; ``buckets`` gives them back, a bucket at a time.

    Frames of more than ``memory`` bytes together are written below ``folder``, which is made for it.
    ``bucket_of`` says for every row of a frame which bucket is its own, from 0 to ``BUCKETS - 1``.
    """

    def __init__(self, folder: Path, memory: int, bucket_of: Callable[[pl.DataFrame], pl.Series]) -> None:
        self._folder = folder
        self._memory = memory
        self._bucket_of = bucket_of
        self._frames: list[pl.DataFrame] = []
        self._size = 0
        self._flushes = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Append a frame."""
        self._frames.append(frame)
        self._size += int(frame.estimated_size())
        if self._size > self._memory:
            self._flush()

    def buckets(self) -> Iterator[pl.DataFrame]:
        """Return each bucket that has rows, in order, as one frame: its rows in the order they came.

        What was never written is one bucket, with or without rows. It is given once, for memory's sake.
        """
        if not self._flushes:
            yield pl.concat(self._taken())
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
        frame = pl.concat(self._taken())
        spread = frame.with_columns(self._bucket_of(frame).alias("bucket"))
        for (bucket,), part in spread.partition_by("bucket", as_dict=True, include_key=False).items():
            part.write_ipc(self._folder / f"{bucket:03}-{self._flushes:06}.arrow")
        self._flushes += 1

    def _taken(self) -> list[pl.DataFrame]:
        frames, self._frames, self._size = self._frames, [], 0
        return frames


def by_id(frame: pl.DataFrame) -> pl.Series:
    """Return the bucket of every row by its ``id``, spread evenly."""
    return frame["id"].hash(seed=0) % BUCKETS
