"""``Auth``: the one object that holds what authentication needs, for the life of a process."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from app.auth import clients, keyring, revocations
from app.auth.claims import VerifiedClaims
from app.auth.clients import Client
from app.auth.errors import InvalidToken, OAuthError
from app.auth.issuers import Issuers
from app.auth.oauth_request import granted_scopes
from app.auth.store import open_accounts, server_secret
from app.auth.tokens import IssuedToken, issue_token
from app.auth.trust import key_overlap, read_trust
from app.auth.verifier import Verifier
from app.auth.watcher import Watcher
from app.errors import StoreFailure
from app.settings import Settings

CURSOR = "cursor"


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise StoreFailure(f"the accounts database failed: {error.orig}", "try again") from error


class Auth:
    """Verifies tokens and answers the OAuth2 endpoints. ``verifier`` never blocks; every method here may."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.settings = settings
        self.engine = engine
        self.watcher = Watcher(engine, lambda connection: read_trust(connection, settings))
        self.issuers = Issuers(settings.external_issuers, self.watcher.include)
        self.verifier = Verifier(lambda: self.watcher.trust, self.issuers.unknown_key)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the accounts database, make the first signing key where there is none, follow changes.

        Raises:
            SchemaError, StoreFailure, ConfigurationError: the database cannot be used.
        """
        engine = open_accounts(settings)
        clients.decoy_hash()
        with _reachable():
            keyring.ensure_key(engine, settings.key_secret)
            auth = cls(settings, engine)
        auth.watcher.start()
        auth.issuers.start()
        return auth

    def close(self) -> None:
        """Stop following changes and let the database go."""
        self.issuers.close()
        self.watcher.close()
        self.engine.dispose()

    def cursor_secret(self) -> bytes:
        """Return the 32 random bytes that cursors are signed with, the same in every process."""
        return self._cursor_secret

    def authenticate(self, client_id: str, secret: str) -> Client:
        """Return the client that owns the secret.

        Raises:
            OAuthError: ``invalid_client``, the same for an unknown client and for a wrong secret.
            StoreFailure: the accounts database failed.
        """
        with _reachable():
            client = clients.authenticate(self.engine, client_id, secret)
        if client is None:
            raise OAuthError("invalid_client", "the client id or the secret is wrong")
        return client

    def issue(self, client: Client, scope: str | None = None, now: float | None = None) -> IssuedToken:
        """Issue an access token for the scopes asked for, or for all of the client's.

        Raises:
            OAuthError: ``invalid_scope``, the client lacks one of them.
        """
        at = time.time() if now is None else now
        scopes = granted_scopes(scope, client.scopes)
        key = keyring.signing_key(self.watcher.trust.signing_keys, datetime.fromtimestamp(at, UTC))
        return issue_token(self.settings, key, client.client_id, scopes, at)

    def revoke(self, client: Client, token: str) -> VerifiedClaims | None:
        """Revoke a token of this client; one that is not valid anyway needs nothing (RFC 7009, section 2.2).

        Returns:
            The claims of the token that was revoked, None where there was nothing to do.

        Raises:
            OAuthError: ``unauthorized_client``, the token was issued to another client.
            StoreFailure: the accounts database failed, and the token is as good as before.
        """
        claims = self._live(token)
        if claims is None:
            return None
        if claims.client_id != client.client_id:
            raise OAuthError("unauthorized_client", "the token was issued to another client")
        with _reachable():
            revocations.revoke_token(self.engine, claims)
            self.watcher.refresh()
        return claims

    def introspect(self, token: str) -> dict[str, Any]:
        """Describe a token (RFC 7662, section 2.2); of one that is not valid, nothing but that."""
        claims = self._live(token)
        if claims is None:
            return {"active": False}
        return {
            "active": True,
            "scope": " ".join(sorted(claims.scopes)),
            "client_id": claims.client_id,
            "token_type": "Bearer",
            "exp": claims.expires_at,
            "iat": claims.issued_at,
            "sub": claims.subject,
            "aud": self.watcher.trust.issuers[claims.issuer].audience,
            "iss": claims.issuer,
            "jti": claims.jti,
        }

    def jwks(self, now: datetime | None = None) -> dict[str, Any]:
        """Return the public keys that verify now, the coming one included (RFC 7517)."""
        at = now or datetime.now(UTC)
        keys = keyring.verifying_keys(self.watcher.trust.signing_keys, at, key_overlap(self.settings))
        return {"keys": [key.document() for key in keys]}

    @cached_property
    def _cursor_secret(self) -> bytes:
        return server_secret(self.engine, CURSOR)

    def _live(self, token: str) -> VerifiedClaims | None:
        try:
            return self.verifier.verify(token)
        except InvalidToken:
            return None
