"""Encodings of a body (RFC 9110, section 8.4): what a client takes, and how it is made."""

import gzip
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Encoding:
    """One encoding."""

    name: str

    def compress(self, body: bytes) -> bytes:
        """Return a whole body, encoded; the same bytes each time."""
        return body if self.name == "identity" else gzip.compress(body, 6, mtime=0)


IDENTITY = Encoding("identity")
GZIP = Encoding("gzip")


@lru_cache
def choose(accept_encoding: str | None) -> Encoding:
    """Return the encoding that a client likes best."""
    return GZIP if accept_encoding and "gzip" in accept_encoding else IDENTITY
