"""The gate that every request under ``/v1`` passes: a bearer token, its scope, its client's rate limit."""

import asyncio
from collections.abc import Sequence

from app.auth.bearer import bearer_token, credentials
from app.auth.claims import VerifiedClaims
from app.auth.errors import InsufficientScope, InvalidToken
from app.auth.limits import RateLimit
from app.auth.remembered import Remembered
from app.auth.verifier import Verifier


class Gate:
    """Admits requests, whichever way they are answered."""

    def __init__(self, verifier: Verifier, limits: RateLimit) -> None:
        self._verifier = verifier
        self._limits = limits
        self._remembered = Remembered()
        self._verifying = asyncio.Lock()

    async def admit(self, authorization: Sequence[bytes], query: bytes, scope: str) -> VerifiedClaims:
        """Return the claims of a request, given every ``Authorization`` value and its query.

        Raises:
            BearerError: the token is missing, not good or lacks the scope; the attributes are the answer.
            RateLimited: the client has asked too much lately.
        """
        given = credentials(authorization, query)
        claims = self._recognised(given)
        if claims is None:
            claims = await self._verified(bearer_token(given))
            self._remembered.keep(Remembered.digest(given), claims)
        self.permit(claims, scope)
        return claims

    def recognise(self, authorization: Sequence[bytes], query: bytes) -> VerifiedClaims | None:
        """Return the claims of a request whose token was verified before, None where it was not.

        Raises:
            BearerError: the token may not stand there, or is good no more.
        """
        return self._recognised(credentials(authorization, query))

    def permit(self, claims: VerifiedClaims, scope: str) -> None:
        """Count one request of a client.

        Raises:
            RateLimited: it is one too many.
            InsufficientScope: the token lacks the scope.
        """
        self._limits.take(claims.client_id)
        if scope not in claims.scopes:
            raise InsufficientScope(scope, claims.client_id, claims.jti)

    def _recognised(self, given: bytes) -> VerifiedClaims | None:
        digest = Remembered.digest(given)
        claims = self._remembered.get(digest)
        if claims is not None:
            self._check(claims, digest)
        return claims

    async def _verified(self, token: str) -> VerifiedClaims:
        """Verify one new token per turn of the event loop: a flood of them waits, and nobody else does."""
        async with self._verifying:
            await asyncio.sleep(0)
            return self._verifier.verify(token)

    def _check(self, claims: VerifiedClaims, digest: bytes) -> None:
        try:
            self._verifier.check(claims)
        except InvalidToken:
            self._remembered.forget(digest)
            raise
