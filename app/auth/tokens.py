"""Issuing access tokens: JWTs as RFC 9068 says, signed by python-jose."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from jose import jwt

from app.auth.keys import SigningKey
from app.settings import Settings

TYPE = "at+jwt"
JTI_BYTES = 16


@dataclass(frozen=True)
class IssuedToken:
    """An access token as the token endpoint hands it out; ``expires_in`` is in seconds.

    ``jti`` names it in logs, where the token itself must never be.
    """

    access_token: str
    expires_in: int
    scopes: tuple[str, ...]
    jti: str

    def __repr__(self) -> str:
        """Show no token."""
        return f"IssuedToken(expires_in={self.expires_in}, scopes={self.scopes})"


def issue_token(
    settings: Settings, key: SigningKey, client_id: str, scopes: Iterable[str], now: float
) -> IssuedToken:
    """Sign a token for a client that acts for itself: ``sub`` is the client (RFC 9068, section 2.2)."""
    granted = tuple(sorted(scopes))
    issued_at, jti = int(now), secrets.token_urlsafe(JTI_BYTES)
    claims = {
        "iss": settings.issuer,
        "aud": settings.audience,
        "sub": client_id,
        "client_id": client_id,
        "iat": issued_at,
        "exp": issued_at + settings.token_ttl,
        "jti": jti,
        "scope": " ".join(granted),
    }
    token = jwt.encode(
        claims, key.signer(settings.key_secret), key.algorithm, headers={"typ": TYPE, "kid": key.kid}
    )
    return IssuedToken(token, settings.token_ttl, granted, jti)
