"""Bearer tokens in requests (RFC 6750): where they may stand, and what they must allow."""

from collections.abc import Container, Sequence

from app.auth.claims import VerifiedClaims
from app.auth.errors import InsufficientScope, InvalidRequest, Unauthorized
from app.auth.verifier import Verifier

QUERY_PARAMETER = "access_token"


def bearer_token(authorization: Sequence[str], query: Container[str]) -> str:
    """Return a request's token, given every ``Authorization`` value and the names of its query parameters.

    Raises:
        InvalidRequest: the token stands in the query, where logs keep it, or the header occurs twice.
        Unauthorized: there is no bearer token.
    """
    if QUERY_PARAMETER in query:
        raise InvalidRequest(
            "send the token in the Authorization header, never in the query", QUERY_PARAMETER
        )
    if len(authorization) > 1:
        raise InvalidRequest("the Authorization header occurs more than once")
    scheme, _, token = "".join(authorization).partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized
    return token.strip(" ")


def authorize(
    verifier: Verifier, authorization: Sequence[str], query: Container[str], scope: str
) -> VerifiedClaims:
    """Return the claims of a request whose token has the scope.

    Raises:
        BearerError: the request is refused; its attributes are the answer.
    """
    claims = verifier.verify(bearer_token(authorization, query))
    if scope not in claims.scopes:
        raise InsufficientScope(scope)
    return claims
