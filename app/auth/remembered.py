"""Tokens that were verified before: checking a signature costs more than everything else of a request."""

import hashlib
from collections import OrderedDict

from app.auth.claims import VerifiedClaims

#: About 1 KB each. Only verified tokens are kept, so strangers cannot fill it.
CAPACITY = 10_000


class Remembered:
    """Claims by the digest of their token, the least recently used out first.

    What time and revocation can change is not kept: ``Verifier.check`` says so on every request.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._claims: OrderedDict[bytes, VerifiedClaims] = OrderedDict()

    def __len__(self) -> int:
        """Return how many tokens are remembered."""
        return len(self._claims)

    @staticmethod
    def digest(credentials: bytes) -> bytes:
        """Return what stands for a token as it was sent: a digest gives no token away and is short."""
        return hashlib.sha256(credentials).digest()

    def get(self, digest: bytes) -> VerifiedClaims | None:
        """Return the claims of a token that was verified before."""
        claims = self._claims.get(digest)
        if claims is not None:
            self._claims.move_to_end(digest)
        return claims

    def keep(self, digest: bytes, claims: VerifiedClaims) -> None:
        """Remember a verified token."""
        self._claims[digest] = claims
        if len(self._claims) > self._capacity:
            self._claims.popitem(last=False)

    def forget(self, digest: bytes) -> None:
        """Forget a token that is no longer good."""
        self._claims.pop(digest, None)
