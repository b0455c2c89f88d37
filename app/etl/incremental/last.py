"""What a run may know of the last one, and what it leaves for the next."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import polars as pl

from app.etl.incremental.packing import NO_HASHES, MovieHashes
from app.marts.definitions import ENTITIES

#: The columns of members' files: a member's code is its place.
MEMBER_SCHEMA = {"id": pl.Int64(), "name": pl.String()}


@dataclass(frozen=True)
class LastRun:
    """The movies of the last run: ``hashes`` in the order in which ``movies``, Parquet files, hold them.

    A movie has the columns of the spool; ``members`` are the pairs (id, name) that its codes stand for. Rows
    are hashed with ``seed``. Where nothing is known there are no movies, and the seed is a new one.
    """

    run_id: str | None = None
    seed: bytes = field(default_factory=lambda: secrets.token_bytes(16), repr=False)
    hashes: MovieHashes = NO_HASHES
    movies: tuple[Path, ...] = ()
    members: Mapping[str, pl.DataFrame] = field(
        default_factory=lambda: {entity.name: pl.DataFrame(schema=MEMBER_SCHEMA) for entity in ENTITIES}
    )


@dataclass(frozen=True)
class Changes:
    """Accepted movies against those of the last run; ``unchanged`` ones were not parsed again."""

    new: int
    changed: int
    unchanged: int
    gone: int

    def document(self) -> dict[str, int]:
        """Return the counts by name, as manifest and commands show them."""
        return asdict(self)


@dataclass(frozen=True)
class Kept:
    """What a run leaves for the next: its movies and members as files, by the name they are stored under."""

    seed: bytes = field(repr=False)
    hashes: MovieHashes
    movies: tuple[Path, ...]
    members: tuple[Path, ...]
