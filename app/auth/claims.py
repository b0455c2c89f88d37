"""The claims of an access token (RFC 9068, section 2.2): what they must be, and the type they become."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.auth.compact import UnverifiedToken
from app.auth.errors import InvalidToken

MAX_NAME = 255
#: RFC 9068, section 4: a token of any other type (an ID token, a plain JWT) is no access token.
ACCESS_TOKEN = frozenset({"at+jwt", "application/at+jwt"})
#: The last second of the year 9999; every NumericDate of a token lies before it.
MAX_TIME = 253_402_300_799
#: ``scope`` as RFC 6749 spells it (section 3.3): tokens with exactly one space between them.
SCOPE = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")


@dataclass(frozen=True, slots=True)
class VerifiedClaims:
    """The claims of an access token that passed every check. Times are seconds since the epoch.

    ``identity`` is that of the token: its issuer and its ``jti``, whatever its spelling. Only the verifier
    makes one.
    """

    issuer: str
    subject: str
    client_id: str
    scopes: frozenset[str]
    jti: str
    issued_at: float
    expires_at: float
    key_id: str
    identity: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Put the identity together once, for it is looked up on every request."""
        object.__setattr__(self, "identity", token_identity(self.issuer, self.jti))


def token_identity(issuer: str, jti: str) -> str:
    """Return what tells a token from every other one; an issuer has no ``#`` that could shift the border."""
    return f"{issuer}#{jti}"


class Profile(Protocol):
    """How an issuer writes what issuers write differently. Each method raises ``InvalidToken``."""

    @property
    def types(self) -> frozenset[str]:
        """What ``typ`` may be."""

    def client_id(self, claims: Mapping[str, Any]) -> str:
        """Return the client, named so that no client of another issuer is called the same."""

    def scopes(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """Return the scopes, as ours are called."""

    def jti(self, claims: Mapping[str, Any], token: UnverifiedToken) -> str:
        """Return what tells the token from every other one of its issuer, however it is spelled."""


class OwnProfile:
    """Access tokens as this server issues them: RFC 9068 to the letter."""

    types = ACCESS_TOKEN

    def client_id(self, claims: Mapping[str, Any]) -> str:
        """Return the claim ``client_id``."""
        return read_name(claims, "client_id")

    def scopes(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """Return the claim ``scope``, split."""
        return read_scope(claims, "scope")

    def jti(self, claims: Mapping[str, Any], token: UnverifiedToken) -> str:
        """Return the claim ``jti``."""
        return read_name(claims, "jti")


OWN = OwnProfile()


def read_claims(
    claims: Mapping[str, Any], token: UnverifiedToken, audience: str, profile: Profile, latest: float
) -> VerifiedClaims:
    """Check the shape of every claim, the audience, and that no time it starts at is after ``latest``.

    Raises:
        InvalidToken: a claim is missing, of the wrong type, out of range, or not for this audience.
    """
    _check_audience(claims.get("aud"), audience)
    issued_at, expires_at = _time(claims, "iat"), _time(claims, "exp")
    starts_at = max(issued_at, _time(claims, "nbf") if "nbf" in claims else issued_at)
    if starts_at > latest:
        raise InvalidToken("the token is not valid yet")
    if expires_at <= issued_at:
        raise InvalidToken("the token expires before it is issued")
    return VerifiedClaims(
        issuer=read_name(claims, "iss"),
        subject=read_name(claims, "sub"),
        client_id=profile.client_id(claims),
        scopes=profile.scopes(claims),
        jti=profile.jti(claims, token),
        issued_at=issued_at,
        expires_at=expires_at,
        key_id=token.kid,
    )


def read_name(claims: Mapping[str, Any], claim: str) -> str:
    """Return a claim that is a printable text of 1 to 255 characters.

    Raises:
        InvalidToken: it is not.
    """
    value = claims.get(claim)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME or not value.isprintable():
        raise InvalidToken(f"the claim {claim} is not a name")
    return value


def read_scope(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    """Return the scopes of a claim in the spelling of RFC 6749, section 3.3.

    Raises:
        InvalidToken: it is not in that spelling.
    """
    value = claims.get(claim)
    if not isinstance(value, str) or SCOPE.fullmatch(value) is None:
        raise InvalidToken(f"the claim {claim} is not a list of scopes")
    return frozenset(value.split(" "))


def _check_audience(value: Any, audience: str) -> None:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in values) or audience not in values:
        raise InvalidToken("the token is for another audience")


def _time(claims: Mapping[str, Any], claim: str) -> float:
    value = claims.get(claim)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_TIME:
        raise InvalidToken(f"the claim {claim} is not a time")
    return value
