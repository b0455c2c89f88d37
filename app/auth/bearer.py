"""Bearer tokens in requests (RFC 6750): where they may stand, and what they must allow."""

from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from app.auth.errors import InvalidRequest, Unauthorized

QUERY_PARAMETER = "access_token"


def bearer_token(authorization: Sequence[str], query: bytes) -> str:
    """Return a request's token, given every ``Authorization`` value and its query.

    Raises:
        InvalidRequest: the token stands in the query, where logs keep it, or the header occurs twice.
        Unauthorized: there is no bearer token.
    """
    if _is_in(query):
        raise InvalidRequest(
            "send the token in the Authorization header, never in the query", QUERY_PARAMETER
        )
    if len(authorization) > 1:
        raise InvalidRequest("the Authorization header occurs more than once")
    scheme, _, token = "".join(authorization).partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized
    return token.strip(" ")


def _is_in(query: bytes) -> bool:
    """Say whether a query has a token, however its name is escaped."""
    if b"access" not in query and b"%" not in query:
        return False
    names = (unquote_to_bytes(part.partition(b"=")[0]) for part in query.split(b"&"))
    return QUERY_PARAMETER.encode() in names
