"""What an endpoint under ``/v1`` asks of its caller: a bearer token with a scope."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Request, Security
from fastapi.openapi.models import OAuthFlowClientCredentials, OAuthFlows
from fastapi.security import OAuth2

from app.auth.claims import VerifiedClaims
from app.auth.gate import Gate
from app.auth.scopes import SCOPES
from app.routers.head import read_head, within

#: Documents the scheme; the token itself is read by ``authorize``, which is stricter.
oauth2_scheme = OAuth2(
    flows=OAuthFlows(clientCredentials=OAuthFlowClientCredentials(tokenUrl="/oauth/token", scopes=SCOPES)),
    description="Client id and secret from `app clients create`.",
    auto_error=False,
)


def require(scope: str) -> Callable[..., Awaitable[VerifiedClaims]]:
    """Return a dependency that gives the claims of a token with this scope.

    Use: ``Depends(require("marts:read"))``. What the endpoint then reads of the request's head is within the
    restrictions of its client. It raises ``BearerError``, whose attributes are the answer.
    """

    async def claims(
        request: Request, _: Annotated[str | None, Security(oauth2_scheme, scopes=[scope])]
    ) -> VerifiedClaims:
        gate: Gate = request.app.state.gate
        head = read_head(request.scope)
        admitted = await gate.admit(head.authorization, head.ask.query, scope, request.scope["state"])
        request.state.client_id, request.state.jti = admitted.client_id, admitted.jti
        within(request.scope, gate.restrictions(admitted))
        return admitted

    return claims
