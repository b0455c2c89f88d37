"""The keys of another issuer: a JWK set (RFC 7517, section 5), read as strictly as a token is."""

import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.auth.compact import MAX_KID
from app.auth.keys import JOSE_KEYS, RSA_BITS, RSA_EXPONENT
from app.auth.strict_json import parse_object

MAX_KEYS = 100
#: A set of that many keys, each with a chain of certificates.
MAX_BRACKETS = 1000
#: Larger ones would cost too much time for each token.
MAX_RSA_BITS = 8192
MAX_RSA_EXPONENT = 2**32
COORDINATE_BYTES = 32
#: Members of a private or a symmetric key (RFC 7518, section 6): who published one has lost it.
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
log = logging.getLogger(__name__)


def read_key_set(raw: bytes, algorithms: Collection[str]) -> dict[str, tuple[str, Any]]:
    """Return the keys of a JWK set that may verify tokens: by ``kid`` the algorithm and the checker.

    A key that cannot be used is left out, as RFC 7517 says, and the log names it; so are all that share a
    ``kid``. Those of other algorithms and for encryption are left out without a word.

    Raises:
        ValueError: it is no JWK set, or it has more than 100 keys.
    """
    keys = parse_object(raw, MAX_BRACKETS).get("keys")
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise ValueError(f"not a JWK set of at most {MAX_KEYS} keys")
    usable = [key for jwk in keys if (key := _usable(jwk, algorithms)) is not None]
    names = Counter(kid for kid, _, _ in usable)
    if len(names) < len(usable):
        log.warning("keys of a trusted issuer that share a kid are left out")
    return {kid: (algorithm, checker) for kid, algorithm, checker in usable if names[kid] == 1}


def _usable(jwk: Any, algorithms: Collection[str]) -> tuple[str, str, Any] | None:
    try:
        if not _is_for_signatures(jwk):
            return None
        algorithm = _algorithm(jwk)
        if algorithm is None or algorithm not in algorithms:
            return None
        return _kid(jwk), algorithm, JOSE_KEYS[algorithm](_PUBLIC[algorithm](jwk), algorithm)
    except ValueError as error:
        log.warning("a key of a trusted issuer is left out: %s", error)
        return None


def _is_for_signatures(jwk: Any) -> bool:
    if not isinstance(jwk, dict):
        raise ValueError("it is no object")
    if not PRIVATE.isdisjoint(jwk):
        raise ValueError("it is published with its private members")
    operations = jwk.get("key_ops", ["verify"])
    return jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations


def _algorithm(jwk: Mapping[str, Any]) -> str | None:
    """Return the one algorithm of a key: its own, or where it names none the one of its type."""
    of_type = {"RSA": "RS256", "EC": "ES256" if jwk.get("crv") == "P-256" else None}.get(str(jwk.get("kty")))
    return of_type if jwk.get("alg", of_type) == of_type else None


def _kid(jwk: Mapping[str, Any]) -> str:
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID:
        raise ValueError(f"its kid is no text of 1 to {MAX_KID} characters")
    return kid


def _rsa(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey:
    modulus, exponent = (int.from_bytes(_bytes(jwk, name), "big") for name in ("n", "e"))
    if not RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS:
        raise ValueError(f"its modulus has {modulus.bit_length()} bits, not {RSA_BITS} to {MAX_RSA_BITS}")
    if not modulus % 2 or not RSA_EXPONENT <= exponent < MAX_RSA_EXPONENT:
        raise ValueError("its modulus is even or its exponent out of range")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _p256(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    x, y = (_bytes(jwk, name) for name in ("x", "y"))
    if len(x) != COORDINATE_BYTES or len(y) != COORDINATE_BYTES:
        raise ValueError(f"its coordinates have not {COORDINATE_BYTES} bytes")
    point = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1())
    return point.public_key()


_PUBLIC: dict[str, Callable[[Mapping[str, Any]], Any]] = {"RS256": _rsa, "ES256": _p256}


def _bytes(jwk: Mapping[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise ValueError(f"its {name} is missing")
    text = value.encode("ascii")
    raw = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    if not raw or urlsafe_b64encode(raw).rstrip(b"=") != text:
        raise ValueError(f"its {name} is not canonical base64url")
    return raw
