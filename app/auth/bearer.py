"""Bearer tokens in requests (RFC 6750): where they may stand, and what they must allow."""

from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from app.auth.errors import InvalidRequest, Unauthorized

QUERY_PARAMETER = "access_token"


def credentials(authorization: Sequence[bytes], query: bytes) -> bytes:
    """Return a request's ``Authorization``, given every value of it and the query; empty where there is none.

    Raises:
        InvalidRequest: the token stands in the query, where logs keep it, or the header occurs twice.
    """
    if _is_in(query):
        raise InvalidRequest(
            "send the token in the Authorization header, never in the query", QUERY_PARAMETER
        )
    if len(authorization) > 1:
        raise InvalidRequest("the Authorization header occurs more than once")
    return authorization[0] if authorization else b""


def bearer_token(given: bytes) -> str:
    """Return the token of an ``Authorization``.

    Raises:
        Unauthorized: there is no bearer token.
    """
    scheme, _, token = given.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized
    return token.strip(" ")


def _is_in(query: bytes) -> bool:
    """Say whether a query has a token, however its name is escaped."""
    if b"access" not in query and b"%" not in query:
        return False
    names = (unquote_to_bytes(part.partition(b"=")[0]) for part in query.split(b"&"))
    return QUERY_PARAMETER.encode() in names
