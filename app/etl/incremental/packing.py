"""The hashes of a run's movies, and how they are packed into values of a row-hash store.

Movies have an order: that in which their files hold them. A bucket is a stretch of it, an array of ids and
one of hashes, little-endian, behind a checksum that also covers which bucket of which run it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_128_digest

from app.etl.readers.hashing import Hashes

#: Movies of one bucket, 24 bytes each: a million rows are 245 values, in 8 round trips.
BUCKET_ROWS = 4096
_CHECKSUM_BYTES, _ROW_BYTES = 16, 24

Rows = NDArray[np.int64]


class Damaged(Exception):
    """What was remembered is not what was stored; the text says what of it."""


@dataclass(frozen=True, eq=False)
class MovieHashes:
    """Ids of movies and the hashes of the rows they were: shapes (movies,) and (movies, 2)."""

    ids: Rows
    hashes: Hashes

    def __len__(self) -> int:
        """Return how many movies there are."""
        return len(self.ids)

    @cached_property
    def _order(self) -> tuple[Rows, Hashes]:
        order = np.argsort(self.hashes[:, 0])
        return order, self.hashes[order]

    def find(self, hashes: Hashes) -> Rows:
        """Return at which place the movie of each hash stands, -1 where there is none.

        Of two movies that share half of their hash, one may not be found: it is read anew then.
        """
        if not len(self):
            return np.full(len(hashes), -1, dtype=np.int64)
        order, known = self._order
        places = np.minimum(np.searchsorted(known[:, 0], hashes[:, 0]), len(known) - 1)
        return np.where((known[places] == hashes).all(axis=1), order[places], -1)

    def knows(self, ids: Rows) -> NDArray[np.bool_]:
        """Return which of these ids movies have."""
        return np.isin(ids, self.ids)


NO_HASHES = MovieHashes(np.empty(0, dtype=np.int64), np.empty((0, 2), dtype=np.uint64))


def bucket_count(movies: int) -> int:
    """Return how many buckets hold so many movies."""
    return -(-movies // BUCKET_ROWS)


def bucket_key(run_id: str, number: int) -> str:
    """Return the key of a bucket in the row-hash store."""
    return f"{run_id}/{number:06}"


def pack(run_id: str, movies: MovieHashes) -> Iterator[tuple[str, bytes]]:
    """Give each bucket of a run: its key and its content."""
    for number in range(bucket_count(len(movies))):
        part = slice(number * BUCKET_ROWS, (number + 1) * BUCKET_ROWS)
        content = movies.ids[part].astype("<i8").tobytes() + movies.hashes[part].astype("<u8").tobytes()
        key = bucket_key(run_id, number)
        yield key, _checksum(key, content) + content


def unpack(keys: Sequence[str], buckets: Sequence[bytes | None]) -> MovieHashes:
    """Return what the buckets of these keys hold, in this order.

    Raises:
        Damaged: one is missing, or not as it was stored.
    """
    parts = [_unpacked(key, bucket) for key, bucket in zip(keys, buckets, strict=True)]
    if not parts:
        return NO_HASHES
    return MovieHashes(
        np.concatenate([part.ids for part in parts]), np.concatenate([part.hashes for part in parts])
    )


def _unpacked(key: str, bucket: bytes | None) -> MovieHashes:
    if bucket is None:
        raise Damaged(f"bucket {key} is missing")
    content = bucket[_CHECKSUM_BYTES:]
    if bucket[:_CHECKSUM_BYTES] != _checksum(key, content) or len(content) % _ROW_BYTES:
        raise Damaged(f"bucket {key} is damaged")
    rows = len(content) // _ROW_BYTES
    ids = np.frombuffer(content, dtype="<i8", count=rows).astype(np.int64)
    hashes = np.frombuffer(content, dtype="<u8", offset=8 * rows).astype(np.uint64)
    return MovieHashes(ids, hashes.reshape(-1, 2))


def _checksum(key: str, content: bytes) -> bytes:
    return xxh3_128_digest(key.encode() + b"\0" + content)
