"""Encodings of a body (RFC 9110, section 8.4): what a client takes, and how it is made."""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from backports import zstd

from app.serving.errors import NotAcceptable
from app.serving.weights import weights

#: Smaller bodies fit into one packet as they are.
WORTH_BYTES = 500
_GZIP_LEVEL, _ZSTD_LEVEL = 6, 6
_GZIP_FRAME = 16 + zlib.MAX_WBITS


class Stream(Protocol):
    """Encodes a body that comes in parts."""

    def write(self, data: bytes) -> bytes:
        """Take a part, and return all that a client needs to read it."""

    def finish(self) -> bytes:
        """Return the end."""


class _Plain:
    def write(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class _GzipStream:
    """Its head has no time: the same bytes each time."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_FRAME)

    def write(self, data: bytes) -> bytes:
        return self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._compressor.flush()


class _ZstdStream:
    def __init__(self) -> None:
        self._compressor = zstd.ZstdCompressor(_ZSTD_LEVEL)

    def write(self, data: bytes) -> bytes:
        return self._compressor.compress(data, zstd.ZstdCompressor.FLUSH_BLOCK)

    def finish(self) -> bytes:
        return self._compressor.flush()


@dataclass(frozen=True)
class Encoding:
    """One encoding. ``compress`` encodes a whole body, the same bytes each time."""

    name: str
    compress: Callable[[bytes], bytes]
    stream: Callable[[], Stream]


IDENTITY = Encoding("identity", lambda body: body, _Plain)
GZIP = Encoding("gzip", lambda body: gzip.compress(body, _GZIP_LEVEL, mtime=0), _GzipStream)
ZSTD = Encoding("zstd", lambda body: zstd.compress(body, _ZSTD_LEVEL), _ZstdStream)
#: Of those that a client likes equally the first; ``x-gzip`` is another name (RFC 9110, section 8.4.1.3).
_OFFERED = {"zstd": ZSTD, "gzip": GZIP, "x-gzip": GZIP, "identity": IDENTITY}


@dataclass(frozen=True)
class Taken:
    """What a client takes: the encoding that it likes best, and whether it takes a body as it is, too."""

    best: Encoding
    plain: bool

    @property
    def name(self) -> str:
        """What tells two of them apart."""
        return self.best.name if self.plain else f"{self.best.name} only"

    def of(self, size: int | None, packed: bool = False) -> Encoding:
        """Return the encoding of a body of so many bytes, None where that is not known yet."""
        worth = not packed and (size is None or size >= WORTH_BYTES)
        return self.best if worth or not self.plain else IDENTITY


@lru_cache
def choose(accept_encoding: str | None) -> Taken:
    """Return what a client takes (RFC 9110, section 12.5.3).

    Raises:
        NotAcceptable: not even a body as it is.
    """
    if accept_encoding is None or not accept_encoding.strip():
        return Taken(IDENTITY, True)
    given = weights(accept_encoding)
    plain = given.get("identity", given.get("*", 1.0)) > 0
    liked = {name: given.get(name, given.get("*", 0.0)) for name in _OFFERED}
    if "identity" not in given and plain:
        liked["identity"] = 0.0  # taken, but what was named goes first
    best = max(liked, key=lambda name: liked[name])
    if liked[best]:
        return Taken(_OFFERED[best], plain)
    if plain:
        return Taken(IDENTITY, True)
    raise NotAcceptable("the Accept-Encoding header allows none of: zstd, gzip, identity")
