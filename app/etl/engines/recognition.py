"""Rows that the embedded engine has seen in the last run: they are not parsed, and get the movie they were.

Rows are known by their hash. Where the known ones stand is noted batch by batch; their movies come from the
files of the last run afterwards, a slice at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from app.etl.engines.members import Members
from app.etl.incremental.last import Changes, Kept, LastRun
from app.etl.incremental.packing import NO_HASHES, MovieHashes, Rows
from app.etl.readers import Batch
from app.etl.readers.hashing import Hashes

#: Columns that carry the halves of a movie's hash through the spool.
HASH = ("hash_high", "hash_low")
#: The position of movies that no row of the delivery is of.
BEFORE_ALL = -1
#: Movies of the last run that are in memory at once.
_MOVIES_AT_ONCE = 250_000


@dataclass(frozen=True)
class Seen:
    """A batch looked up: the hash of each row, and the place of its movie in the last run, or -1."""

    hashes: Hashes
    places: Rows


@dataclass
class Recognition:
    """What a run recognises of the last one, and what it keeps for the next; files go to ``folder``.

    With ``keep_missing`` movies of the last run that have no row now come before all rows: any row wins.
    """

    last: LastRun
    folder: Path
    keep_missing: bool = False
    missing: int = 0
    _positions: list[Rows] = field(default_factory=list)
    _places: list[Rows] = field(default_factory=list)
    _kept: list[MovieHashes] = field(default_factory=list)
    _files: list[Path] = field(default_factory=list)

    def look(self, batch: Batch) -> Seen:
        """Look the rows of a batch up; several threads do so at once."""
        hashes = batch.hashes(self.last.seed)
        return Seen(hashes, self.last.hashes.find(hashes))

    def unknown(self, batch: Batch, seen: Seen) -> pl.DataFrame:
        """Return the cells of the rows that are not known."""
        return batch.cells_at(np.flatnonzero(seen.places < 0))

    def hashed(self, movies: pl.DataFrame, batch: Batch, seen: Seen) -> pl.DataFrame:
        """Add the hashes of their rows to movies of a batch."""
        return _with_hashes(movies, seen.hashes[movies["row"].to_numpy() - batch.span.first_row])

    def note(self, seen: Seen, first_position: int) -> None:
        """Note where known rows stand; ``first_position`` is that of the batch's first row."""
        known = np.flatnonzero(seen.places >= 0)
        self._positions.append(known + first_position)
        self._places.append(seen.places[known])

    def known_movies(self) -> Iterator[pl.DataFrame]:
        """Give the movies of all known rows with their positions, in no order."""
        none = [np.empty(0, dtype=np.int64)]
        places, positions = (np.concatenate(parts or none) for parts in (self._places, self._positions))
        if self.keep_missing:
            others = np.setdiff1d(np.arange(len(self.last.hashes)), places)
            places = np.concatenate([places, others])
            positions = np.concatenate([positions, np.full(len(others), BEFORE_ALL)])
        order = np.argsort(places)
        places, positions = places[order], positions[order]
        for first, movies in self._slices():
            begin, end = np.searchsorted(places, [first, first + movies.height])
            wanted = places[begin:end]
            if len(wanted):
                found = _with_hashes(movies[wanted - first], self.last.hashes.hashes[wanted])
                yield found.with_columns(pl.Series("position", positions[begin:end]))

    def _slices(self) -> Iterator[tuple[int, pl.DataFrame]]:
        first = 0
        for path in self.last.movies:
            rows = pl.scan_parquet(path, glob=False).select(pl.len()).collect().item()
            for offset in range(0, rows, _MOVIES_AT_ONCE):
                part = pl.scan_parquet(path, glob=False).slice(offset, _MOVIES_AT_ONCE).collect()
                yield first + offset, part
            first += rows

    def keep(self, movies: pl.DataFrame) -> None:
        """Keep accepted movies, each once, for the next run."""
        self.folder.mkdir(exist_ok=True)
        self.missing += int((movies["position"] == BEFORE_ALL).sum())
        path = self.folder / f"movies-{len(self._files):03}.parquet"
        movies.drop(*HASH, "position").write_parquet(path, compression="lz4")
        self._files.append(path)
        self._kept.append(MovieHashes(movies["id"].to_numpy(), movies.select(HASH).to_numpy()))

    def kept(self, members: dict[str, Members]) -> Kept:
        """Return all that is kept for the next run."""
        files = []
        for name, of_dimension in members.items():
            files.append(self.folder / f"{name}.parquet")
            of_dimension.pairs().write_parquet(files[-1], compression="lz4")
        return Kept(self.last.seed, self._hashes(), tuple(self._files), tuple(files))

    def changes(self) -> Changes | None:
        """Count the accepted movies against those of the last run; None where none is known."""
        if self.last.run_id is None:
            return None
        now = self._hashes()
        others = now.ids[self.last.hashes.find(now.hashes) < 0]
        changed = int(self.last.hashes.knows(others).sum())
        unchanged = len(now) - len(others) - self.missing
        gone = len(self.last.hashes) - unchanged - changed
        return Changes(new=len(others) - changed, changed=changed, unchanged=unchanged, gone=gone)

    def _hashes(self) -> MovieHashes:
        parts = self._kept or [NO_HASHES]
        return MovieHashes(
            np.concatenate([part.ids for part in parts]), np.concatenate([part.hashes for part in parts])
        )


def _with_hashes(movies: pl.DataFrame, hashes: Hashes) -> pl.DataFrame:
    return movies.with_columns(pl.Series(name, hashes[:, half]) for half, name in enumerate(HASH))
