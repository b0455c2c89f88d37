"""The gate that every request under ``/v1`` passes: a bearer token, its scope, its client's rate limit."""

import asyncio
from collections.abc import MutableMapping, Sequence
from typing import Any

from app.auth.bearer import bearer_token, credentials
from app.auth.claims import VerifiedClaims
from app.auth.errors import InsufficientScope, InvalidToken
from app.auth.limits import RateLimit
from app.auth.quota import STANDING, RateLimited
from app.auth.remembered import Remembered
from app.auth.verifier import Verifier
from app.marts.restrictions import Restrictions

State = MutableMapping[str, Any]


class Gate:
    """Admits requests, whichever way they are answered."""

    def __init__(self, verifier: Verifier, limits: RateLimit) -> None:
        self._verifier = verifier
        self._limits = limits
        self._remembered = Remembered()
        self._verifying = asyncio.Lock()

    async def admit(
        self, authorization: Sequence[bytes], query: bytes, scope: str, state: State | None = None
    ) -> VerifiedClaims:
        """Return the claims of a request, given every ``Authorization`` value and its query.

        ``state`` is the request's own; how its client stands is noted there, admitted or not.

        Raises:
            BearerError: the token is missing, not good or lacks the scope; the attributes are the answer.
            RateLimited: the client has asked too much lately.
        """
        given = credentials(authorization, query)
        claims = self._recognised(given)
        if claims is None:
            claims = await self._verified(bearer_token(given))
            self._remembered.keep(Remembered.digest(given), claims)
        await self._count(claims, {} if state is None else state)
        if scope not in claims.scopes:
            raise InsufficientScope(scope, claims.client_id, claims.jti)
        return claims

    def recognise(self, authorization: Sequence[bytes], query: bytes) -> VerifiedClaims | None:
        """Return the claims of a request whose token was verified before, None where it was not.

        Raises:
            BearerError: the token may not stand there, or is good no more.
        """
        return self._recognised(credentials(authorization, query))

    def permit(self, claims: VerifiedClaims, scope: str, state: State | None = None) -> None:
        """Count one request of a client without waiting, and note in ``state`` how it stands.

        Raises:
            RateLimited: it is one too many.
            MustAsk: it takes a moment to find out; ``admit`` does.
            InsufficientScope: the token lacks the scope.
        """
        standing = self._limits.take(claims.client_id)
        if standing is not None and state is not None:
            state[STANDING] = standing
        if scope not in claims.scopes:
            raise InsufficientScope(scope, claims.client_id, claims.jti)

    def restrictions(self, claims: VerifiedClaims) -> Restrictions | None:
        """Return what a client may read at this moment, None where it may read everything."""
        return self._verifier.restrictions(claims)

    async def _count(self, claims: VerifiedClaims, state: State) -> None:
        try:
            standing = await self._limits.ask(claims.client_id)
        except RateLimited as error:
            state[STANDING] = error.standing
            raise
        if standing is not None:
            state[STANDING] = standing

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
