"""Key sets of other issuers: which keys are used, which are left out."""

import json
import logging
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.auth.jwks import read_key_set
from tests.auth.forge import decode, encode
from tests.support.provider import private_jwk

BOTH = frozenset({"RS256", "ES256"})
#: The modulus of a key of 1024 bits, too small to be trusted.
SMALL = rsa.generate_private_key(65537, 1024).public_key().public_numbers().n  # noqa: S505 - the point


def public(algorithm: str, **changes: Any) -> dict[str, Any]:
    """Return a public key as a JWK, with changes; None leaves a member out."""
    private = private_jwk(algorithm, "k")
    members = {name: private[name] for name in private if name not in ("d", "p", "q", "dp", "dq", "qi")}
    return {name: value for name, value in {**members, **changes}.items() if value is not None}


#: A point whose coordinates have 32 bytes each; one more in front changes no number.
POINT = public("ES256")


def number(value: int) -> str:
    return encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def read(*keys: Any, algorithms: frozenset[str] = BOTH) -> dict[str, str]:
    """Return the algorithms of the keys that are used."""
    found = read_key_set(json.dumps({"keys": list(keys)}).encode(), algorithms)
    return {kid: algorithm for kid, (algorithm, _) in found.items()}


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"use": None}, {"alg": None}, {"use": None, "key_ops": ["verify"]}, {"x5t": "AA", "x5c": ["MIIB"]}],
)
def test_a_key_for_signatures_is_used(algorithm: str, changes: dict[str, Any]) -> None:
    assert read(public(algorithm, **changes)) == {"k": algorithm}


def test_a_key_becomes_the_key_it_says() -> None:
    jwk = public("ES256")
    _, checker = read_key_set(json.dumps({"keys": [jwk]}).encode(), BOTH)["k"]
    point = checker.prepared_key.public_numbers()
    assert isinstance(point.curve, ec.SECP256R1)
    assert [encode(part.to_bytes(32, "big")) for part in (point.x, point.y)] == [jwk["x"], jwk["y"]]
    jwk = public("RS256")
    _, checker = read_key_set(json.dumps({"keys": [jwk]}).encode(), BOTH)["k"]
    assert number(checker.prepared_key.public_numbers().n) == jwk["n"]


@pytest.mark.parametrize(
    "jwk",
    [
        public("RS256", use="enc"),
        public("RS256", use="signature"),
        public("RS256", use=None, key_ops=[]),
        public("RS256", key_ops=["sign"]),
        public("RS256", key_ops="verify"),
        public("RS256", alg="PS256"),
        public("RS256", alg="RS512"),
        public("RS256", alg="ES256"),
        public("RS256", alg="HS256"),
        public("ES256", alg="RS256"),
        public("ES256", crv="P-384"),
        public("ES256", crv="secp256k1"),
        public("ES256", kty="OKP"),
        public("ES256", kty=["EC"]),
        public("RS256", kty=None),
    ],
)
def test_a_key_for_something_else_is_left_out(jwk: dict[str, Any]) -> None:
    assert read(jwk, public("ES256", kid="good")) == {"good": "ES256"}


@pytest.mark.parametrize(
    "jwk",
    [
        private_jwk("ES256", "k"),
        private_jwk("RS256", "k"),
        {"kty": "oct", "kid": "k", "k": "c2VjcmV0", "alg": "HS256"},
        public("RS256", k="c2VjcmV0"),
        public("RS256", n=number(SMALL)),
        public("RS256", n=number(2**8192 + 1)),
        public("RS256", n=number(2**2047)),
        public("RS256", n=""),
        public("RS256", n=None),
        public("RS256", n=1),
        public("RS256", e=None),
        public("RS256", e="AQ"),
        public("RS256", e="Aw"),
        public("RS256", e=number(65538)),
        public("RS256", e=number(2**32 + 1)),
        public("RS256", e="AQAB="),
        public("RS256", e="AQAB\n"),
        public("ES256", x=encode(bytes(32))),
        public("ES256", x=encode(bytes(31))),
        public("ES256", y="A" * 44),
        *({**POINT, name: encode(b"\0" + decode(POINT[name]))} for name in ("x", "y")),
        public("ES256", y=None),
        public("ES256", kid=None),
        public("ES256", kid=""),
        public("ES256", kid=7),
        public("ES256", kid="k" * 257),
        "key",
        None,
        [],
    ],
)
def test_a_key_that_is_not_right_is_left_out_and_the_log_says_so(
    jwk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert read(jwk, public("ES256", kid="good")) == {"good": "ES256"}
    assert "left out" in caplog.text
    assert "c2VjcmV0" not in caplog.text


def test_keys_of_one_name_are_left_out_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert read(public("ES256"), public("RS256", kid="other")) == {"k": "ES256", "other": "RS256"}
        assert caplog.text == ""
        read(public("ES256"), public("ES256"))
        assert "share a kid" in caplog.text
    assert read(public("ES256"), public("ES256"), public("RS256", kid="other")) == {"other": "RS256"}
    assert read(public("ES256"), public("RS256"), algorithms=frozenset({"RS256"})) == {"k": "RS256"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":null}',
        b'{"keys":[],"keys":[]}',
        b"\xef\xbb\xbf" + b'{"keys":[]}',
        b'{"keys":[' + b"[" * 100_000,
        json.dumps({"keys": [{}] * 101}).encode(),
    ],
)
def test_what_is_no_key_set_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_key_set(raw, BOTH)


def test_a_hundred_keys_with_certificates_fit() -> None:
    jwk = public("ES256", x5c=["MIIB"])
    assert len(read(*({**jwk, "kid": f"k{number}"} for number in range(100)))) == 100
