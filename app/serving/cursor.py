"""Cursors: where a listing was left, signed, so that nobody can make one up or carry it elsewhere."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.serving.errors import InvalidParameters, invalid

_VERSION = 1
_MAC_BYTES = 16


@dataclass(frozen=True)
class Position:
    """The end of a page: of which listing (a digest of what must not change), which run, after which row."""

    listing: str
    run_id: str
    values: tuple[Any, ...]


class Cursors:
    """Signs and reads cursors under one secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, position: Position) -> str:
        """Return the opaque text of a position."""
        payload = orjson.dumps([_VERSION, position.listing, position.run_id, position.values])
        return urlsafe_b64encode(self._mac(payload) + payload).decode().rstrip("=")

    def read(self, text: str, listing: str) -> Position:
        """Return the position that a text stands for.

        Raises:
            InvalidParameters: it was not signed here, or belongs to another question than ``listing``.
        """
        payload = self._verified(text)
        version, digest, run_id, values = orjson.loads(payload)
        if version != _VERSION:
            raise invalid("cursor", "comes from another version of this program; start at the first page")
        if digest != listing:
            raise invalid("cursor", "belongs to other parameters, which may not change between pages")
        return Position(digest, run_id, tuple(values))

    def _verified(self, text: str) -> bytes:
        try:
            signed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            raise _not_ours() from None
        payload = signed[_MAC_BYTES:]
        if self.encoded(signed) != text or not hmac.compare_digest(signed[:_MAC_BYTES], self._mac(payload)):
            raise _not_ours()
        return payload

    @staticmethod
    def encoded(signed: bytes) -> str:
        """Return the one canonical spelling of a cursor's bytes."""
        return urlsafe_b64encode(signed).decode().rstrip("=")

    def _mac(self, payload: bytes) -> bytes:
        return hmac.digest(self._secret, payload, hashlib.sha256)[:_MAC_BYTES]


def _not_ours() -> InvalidParameters:
    return invalid("cursor", "is not a cursor of this API; take next_cursor of the page before as it is")


def digest(*parts: Sequence[Any] | str | int | None) -> str:
    """Return a short fingerprint of a canonical question."""
    return hashlib.blake2b(orjson.dumps(parts), digest_size=12).hexdigest()
