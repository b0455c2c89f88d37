"""Makes tokens by hand, with ``cryptography`` alone: good ones, and ones that are good but for one thing."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.auth.keys import SigningKey

ISSUER = "https://marts.example"
AUDIENCE = "movie-marts"
NOW = 1_800_000_000.0
CLIENT = "0123456789abcdef01234567"

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

#: Stands for a member that is to be left out.
ABSENT = object()


def encode(raw: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(segment: str) -> bytes:
    """The reverse."""
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def changed(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with some members replaced, added or left out."""
    return {name: value for name, value in {**document, **changes}.items() if value is not ABSENT}


def signature(private: Private, message: bytes) -> bytes:
    """Sign as ES256 or RS256 says (RFC 7518, sections 3.3 and 3.4)."""
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(message, padding.PKCS1v15(), SHA256())
    r, s = decode_dss_signature(private.sign(message, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@dataclass(frozen=True)
class Forger:
    """Holds the private half of a trusted key, and the header and claims of a good token."""

    private: Private
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    def token(self, header: Mapping[str, Any] | None = None, claims: Mapping[str, Any] | None = None) -> str:
        """Make a token whose header and claims differ from a good one's by these changes."""
        return self.sign(
            json.dumps(changed(self.header, header or {})).encode(),
            json.dumps(changed(self.claims, claims or {})).encode(),
        )

    def sign(self, header: bytes, payload: bytes) -> str:
        """Sign any bytes with the trusted key."""
        message = f"{encode(header)}.{encode(payload)}"
        return f"{message}.{encode(signature(self.private, message.encode()))}"


def forger(key: SigningKey, now: float = NOW) -> Forger:
    """Return the forger who stole this key."""
    private = load_pem_private_key(key.private_pem.encode(), None)
    assert isinstance(private, Private)
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": CLIENT,
        "client_id": CLIENT,
        "iat": int(now) - 10,
        "exp": int(now) + 600,
        "jti": "one-of-a-kind",
        "scope": "marts:read",
    }
    return Forger(private, {"alg": key.algorithm, "kid": key.kid, "typ": "at+jwt"}, claims)
