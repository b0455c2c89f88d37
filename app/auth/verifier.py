"""The strict gate in front of python-jose: the one way from a token to claims that may be believed.

python-jose 3.5 takes a DER public key for an HMAC secret, accepts any algorithm where none is named, and
lets some malformed claims out as other exceptions. So the shape is checked before it sees a token, it gets a
key object pinned to one algorithm, and every claim is checked here (RFC 9068, section 4).
Nothing here asks a database or a network.
"""

import time
from collections.abc import Callable

from jose import jws
from jose.exceptions import JWSError

from app.auth.claims import VerifiedClaims, read_claims
from app.auth.compact import UnverifiedToken, parse
from app.auth.errors import InvalidToken
from app.auth.strict_json import parse_object
from app.auth.trust import LEEWAY_S, Trust, TrustedIssuer, TrustedKey
from app.marts.restrictions import Restrictions


def _ignore(issuer: str) -> None:
    """Do nothing about a key that is not known."""


class Verifier:
    """Verifies access tokens against what is trusted at that moment.

    ``unknown_key`` is told the issuer of a token whose ``kid`` is not known. It must return at once, and
    anybody can have it called as often as they like.
    """

    def __init__(self, trust: Callable[[], Trust], unknown_key: Callable[[str], None] = _ignore) -> None:
        self._trust = trust
        self._unknown_key = unknown_key

    def verify(self, token: str, now: float | None = None) -> VerifiedClaims:
        """Return the claims of a token that is good now (seconds since the epoch; default: the clock).

        Raises:
            InvalidToken: in every other case.
        """
        at = time.time() if now is None else now
        try:
            claims = self._read(parse(token), at)
        except InvalidToken:
            raise
        except Exception:
            raise InvalidToken("the token is malformed") from None
        self.check(claims, at)
        return claims

    def check(self, claims: VerifiedClaims, now: float | None = None) -> None:
        """Check again what time and revocation can change about claims verified before: a few microseconds.

        Raises:
            InvalidToken: the token expired, or it, its client or its key is no longer trusted.
        """
        at = time.time() if now is None else now
        trust = self._trust()
        _trusted_key(_trusted_issuer(trust, claims.issuer), claims.key_id, at)
        if at >= claims.expires_at + LEEWAY_S:
            raise InvalidToken("the token expired")
        if claims.identity in trust.revoked_tokens or claims.client_id in trust.revoked_clients:
            raise InvalidToken("the token was revoked")

    def restrictions(self, claims: VerifiedClaims) -> Restrictions | None:
        """Return what the client of a token may read, None where it may read everything."""
        known = self._trust().restrictions
        return known.get(claims.client_id) if known else None

    def _read(self, token: UnverifiedToken, now: float) -> VerifiedClaims:
        claims = parse_object(token.payload)
        issuer = _trusted_issuer(self._trust(), claims.get("iss"))
        if token.type not in issuer.profile.types:
            raise InvalidToken("the token is not an access token (typ at+jwt)")
        if token.kid not in issuer.keys:
            self._unknown_key(issuer.issuer)
        key = _trusted_key(issuer, token.kid, now)
        _check_signature(token, key)
        return read_claims(claims, token, issuer.audience, issuer.profile, latest=now + LEEWAY_S)


def _trusted_issuer(trust: Trust, name: object) -> TrustedIssuer:
    issuer = trust.issuers.get(name) if isinstance(name, str) else None
    if issuer is None:
        raise InvalidToken("the token is from another issuer")
    return issuer


def _trusted_key(issuer: TrustedIssuer, kid: str, now: float) -> TrustedKey:
    key = issuer.keys.get(kid)
    if key is None or now >= key.expires_at:
        raise InvalidToken("the token's key is not trusted")
    return key


def _check_signature(token: UnverifiedToken, key: TrustedKey) -> None:
    if token.algorithm != key.algorithm:
        raise InvalidToken("the token's algorithm is not that of its key")
    try:
        signed = jws.verify(token.text, key.checker, algorithms=[key.algorithm])
    except JWSError:
        raise InvalidToken("the token's signature is wrong") from None
    if signed != token.payload:
        raise InvalidToken("the token's signature is for something else")
