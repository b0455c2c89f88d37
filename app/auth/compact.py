"""The shape of a token, checked before any key or library sees it: JWS compact serialisation (RFC 7515)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

from app.auth.errors import InvalidToken
from app.auth.strict_json import parse_object

#: Characters; more than ten times what our own tokens take.
MAX_TOKEN = 8192
MAX_KID = 256
#: Parameters that would let a token choose its key, change what is signed, or ask for what we do not do.
REFUSED = frozenset({"crit", "b64", "jku", "jwk", "x5u", "x5c", "zip", "enc"})


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """The parts of a well-formed token. Nothing in it is known to be true."""

    text: str
    type: str
    algorithm: str
    kid: str
    payload: bytes


def parse(token: str) -> UnverifiedToken:
    """Take a token apart.

    Raises:
        InvalidToken: its header or key parameters are not acceptable.
        ValueError: it is not three canonical base64url segments with a JSON object in the first.
    """
    if len(token) > MAX_TOKEN:
        raise InvalidToken("the token is too long")
    header_segment, payload_segment, signature_segment = token.encode("ascii").split(b".")
    _decode(signature_segment)
    header = parse_object(_decode(header_segment))
    _check_header(header)
    return UnverifiedToken(token, header["typ"], header["alg"], header["kid"], _decode(payload_segment))


def _decode(segment: bytes) -> bytes:
    # Decoding forgives padding, foreign characters and stray bits at the end; encoding again shows them.
    raw = urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    if not raw or urlsafe_b64encode(raw).rstrip(b"=") != segment:
        raise ValueError("not canonical base64url")
    return raw


def _check_header(header: dict[str, Any]) -> None:
    if not REFUSED.isdisjoint(header):
        raise InvalidToken("the token's header has a parameter that is never accepted")
    if not isinstance(header.get("typ"), str):
        raise InvalidToken("the token names no type (typ at+jwt)")
    if not isinstance(header.get("alg"), str):
        raise InvalidToken("the token names no algorithm")
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID:
        raise InvalidToken("the token names no key")
