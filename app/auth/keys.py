"""Signing keys: how one is made, how JWKS shows it, how python-jose gets to use it."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jose.backends import ECKey, RSAKey

from app.auth.private_keys import PrivateKey, from_pem, to_pem

Algorithm = Literal["ES256", "RS256"]
Status = Literal["pending", "signing", "retired", "expired", "revoked"]

RSA_BITS = 2048
RSA_EXPONENT = 65537

_GENERATE: dict[str, Callable[[], PrivateKey]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RS256": lambda: rsa.generate_private_key(RSA_EXPONENT, RSA_BITS),
}
#: How python-jose wraps a key of each algorithm.
JOSE_KEYS: dict[str, Any] = {"ES256": ECKey, "RS256": RSAKey}
#: The members a thumbprint is made of, which are also the whole public key (RFC 7638, section 3.2).
_REQUIRED = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}


@dataclass(frozen=True)
class SigningKey:
    """A key pair of ours and the span of its life, as the accounts database keeps it; times are aware UTC."""

    kid: str
    algorithm: str
    public_jwk: Mapping[str, str]
    private_pem: str
    created_at: datetime
    signs_from: datetime
    retired_at: datetime | None = None
    revoked_at: datetime | None = None

    def __repr__(self) -> str:
        """Name the key; its private half stays out of logs and tracebacks."""
        return f"SigningKey({self.kid!r}, {self.algorithm!r})"

    def signer(self, secret: str | None = None) -> Any:
        """Return the private key as python-jose takes it; ``secret`` opens one that is stored encrypted.

        Raises:
            ConfigurationError: it does not.
        """
        return JOSE_KEYS[self.algorithm](from_pem(self.private_pem, secret), self.algorithm)

    @cached_property
    def checker(self) -> Any:
        """The public key as python-jose takes it: an object, never text that could be an HMAC secret."""
        return JOSE_KEYS[self.algorithm](dict(self.public_jwk), self.algorithm)

    def document(self) -> dict[str, str]:
        """Return the key as JWKS shows it (RFC 7517)."""
        return {**self.public_jwk, "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def signs(self, now: datetime) -> bool:
        """Whether new tokens may be signed with it."""
        return self.revoked_at is None and self.signs_from <= now and not self._is_retired(now)

    def verifies_until(self, overlap: timedelta) -> datetime:
        """Return when the last token that it signed has expired; the far future while it is in use."""
        if self.revoked_at is not None:
            return self.revoked_at
        return self.retired_at + overlap if self.retired_at else datetime.max.replace(tzinfo=UTC)

    def status(self, now: datetime, overlap: timedelta) -> Status:
        """Say where the key stands in its life."""
        if self.revoked_at is not None:
            return "revoked"
        if self.verifies_until(overlap) <= now:
            return "expired"
        if self._is_retired(now):
            return "retired"
        return "signing" if self.signs_from <= now else "pending"

    def _is_retired(self, now: datetime) -> bool:
        return self.retired_at is not None and self.retired_at <= now


def generate(
    algorithm: Algorithm, created_at: datetime, signs_from: datetime, secret: str | None = None
) -> SigningKey:
    """Make a key pair: P-256 for ES256, 2048 bits for RS256; encrypted where there is a secret."""
    private = _GENERATE[algorithm]()
    public = JOSE_KEYS[algorithm](private.public_key(), algorithm).to_dict()
    jwk = {name: public[name] for name in _REQUIRED[public["kty"]]}
    return SigningKey(thumbprint(jwk), algorithm, jwk, to_pem(private, secret), created_at, signs_from)


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the SHA-256 thumbprint of a public key (RFC 7638), the ``kid`` of our keys."""
    members = {name: jwk[name] for name in _REQUIRED[jwk["kty"]]}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
