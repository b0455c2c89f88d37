"""Access tokens of other issuers: their claims, read so that nobody is taken for a client of ours."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from app.auth.claims import ACCESS_TOKEN, read_name, read_scope
from app.auth.compact import UnverifiedToken
from app.auth.errors import InvalidToken, UnknownScope
from app.auth.scopes import known_scopes
from app.errors import ConfigurationError
from app.settings.issuers import ExternalIssuer

#: Only an ID token has them (OpenID Connect Core 1.0, sections 2 and 3.3.2.11).
ID_TOKEN_CLAIMS = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})
#: Parts an issuer's name, which has no fragment, from what it calls a client.
SEPARATOR = "#"


class ExternalProfile:
    """How an issuer writes its tokens, as ``APP_TRUSTED_ISSUERS`` says.

    Raises:
        ConfigurationError: ``scopes`` leads to a scope that this program does not have.
    """

    def __init__(self, issuer: ExternalIssuer) -> None:
        plain = frozenset({"JWT"}) & issuer.token_types
        self.types = plain | (ACCESS_TOKEN if "at+jwt" in issuer.token_types else frozenset())
        self._may_be_id_token = bool(plain)
        self._issuer = issuer
        self._scopes = {name: _ours(issuer, ours) for name, ours in (issuer.scopes or {}).items()}

    def client_id(self, claims: Mapping[str, Any]) -> str:
        """Return ``issuer#client``: an issuer has no ``#``, a client of ours has neither."""
        claim = self._issuer.client_claim or ("client_id" if "client_id" in claims else "azp")
        if self._may_be_id_token and _is_id_token(claims, claim):
            raise InvalidToken("the token is an ID token, not an access token")
        client = read_name(claims, claim)
        return f"{self._issuer.issuer}{SEPARATOR}{client}"

    def scopes(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """Return the scopes of ours that those of the token stand for; others count for nothing."""
        theirs = self._theirs(claims)
        if self._issuer.scopes is None:
            return theirs
        return frozenset().union(*(self._scopes.get(name, frozenset()) for name in theirs))

    def jti(self, claims: Mapping[str, Any], token: UnverifiedToken) -> str:
        """Return the claim ``jti``; without one, a digest of all that is signed.

        What is signed has one spelling, and another signature of it (r, n-s) is the same token.
        """
        if "jti" in claims:
            return read_name(claims, "jti")
        signed = token.text.rpartition(".")[0]
        digest = urlsafe_b64encode(hashlib.sha256(signed.encode()).digest())
        return f"sha256:{digest.rstrip(b'=').decode()}"

    def _theirs(self, claims: Mapping[str, Any]) -> frozenset[str]:
        claim = self._issuer.scope_claim
        value = claims.get(claim)
        if not isinstance(value, list):
            return read_scope(claims, claim)
        if not all(isinstance(name, str) for name in value):
            raise InvalidToken(f"the claim {claim} is not a list of scopes")
        return frozenset(value)


def _ours(issuer: ExternalIssuer, names: list[str]) -> frozenset[str]:
    try:
        return frozenset(known_scopes(names))
    except UnknownScope as error:
        where = f"APP_TRUSTED_ISSUERS: the scopes of {issuer.issuer}"
        raise ConfigurationError(f"{where}: {error.message}", error.hint) from None


def _is_id_token(claims: Mapping[str, Any], client_claim: str) -> bool:
    """Say whether a plain JWT is an ID token or could be one.

    An ID token's audience is the client that asked for it, and so is its ``azp`` where it has one (OpenID
    Connect Core 1.0, section 2); an access token's audience is this API, which is no client of its own.
    """
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    clients = [claims[claim] for claim in (client_claim, "azp") if claim in claims]
    return not ID_TOKEN_CLAIMS.isdisjoint(claims) or any(client in audiences for client in clients)
