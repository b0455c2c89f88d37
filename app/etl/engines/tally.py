"""Sums of a mart as movies come in, on the embedded engine: added up and sorted a range of keys at a time."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Literal

import polars as pl
from polars.io.plugins import register_io_source

from app.etl.engines.aggregate import combine, finish, partial
from app.etl.spool import BUCKETS, Spool
from app.marts.definitions import Mart

#: Of landed tables: what all that read Parquet have known for longest. Redshift names few others.
COMPRESSION: Literal["snappy"] = "snappy"


class Tally:
    """One mart. Sums of more than ``memory`` bytes wait below ``folder``, spread by ranges of the first key.

    The ranges are cut so that the first sums to be written fill them evenly.
    """

    def __init__(self, mart: Mart, folder: Path, memory: int) -> None:
        self._mart = mart
        self._spool = Spool(folder, memory, self._range_of)
        self._cuts: pl.Series | None = None

    def add(self, movies: pl.DataFrame, ids: Mapping[str, pl.Series]) -> None:
        """Add movies; ``ids`` maps a dimension's codes to its ids."""
        self._spool.add(partial(self._mart, movies, ids))

    def write(self, path: Path) -> None:
        """Write the mart sorted by key, a range at a time.

        Raises:
            SumOverflow: a sum is beyond 2^63-1.
        """
        pieces = self._pieces()
        first = next(pieces)
        rest = register_io_source(lambda *_: chain([first], pieces), schema=first.schema)
        rest.sink_parquet(path, compression=COMPRESSION)

    def _pieces(self) -> Iterator[pl.DataFrame]:
        for sums in self._spool.buckets():
            yield finish(self._mart, combine(self._mart, sums))

    def _range_of(self, sums: pl.DataFrame) -> pl.Series:
        keys = sums[self._mart.key[0]]
        if self._cuts is None:
            self._cuts = keys.sort().gather_every(max(1, -(-len(keys) // BUCKETS)))[1:]
        return self._cuts.search_sorted(keys, side="right")
