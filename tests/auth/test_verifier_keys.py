"""Which key, which algorithm, which signature: nothing in a token chooses how it is verified."""

import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jose import jws

from app.auth.errors import InvalidToken
from app.auth.keys import generate
from app.auth.trust import Trust, TrustedIssuer, own_issuer
from tests.auth.conftest import Gate, at, make_gate, make_settings
from tests.auth.forge import ISSUER, NOW, decode, encode, forger

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
HMACS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def refused(gate: Gate, token: str, message: str, now: float = NOW) -> None:
    """Assert that the token is refused for this reason, and that the gate is not simply shut."""
    assert gate.accepts(gate.forger.token())
    with pytest.raises(InvalidToken, match=message):
        gate.accepts(token, now)


def _unsigned(gate: Gate, algorithm: Any) -> str:
    header = json.dumps({**gate.forger.header, "alg": algorithm}).encode()
    return f"{encode(header)}.{encode(json.dumps(dict(gate.forger.claims)).encode())}"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "none ", "", "null", "nоne"])  # noqa: RUF001 - a look-alike
def test_no_algorithm_is_no_signature(both: Gate, algorithm: str) -> None:
    unsigned = _unsigned(both, algorithm)
    refused(both, unsigned + ".", "malformed")
    refused(both, f"{unsigned}.{both.forger.token().split('.')[2]}", "algorithm is not that of its key")


@pytest.mark.parametrize("algorithm", [None, 1, True, ["ES256"], {}])
def test_an_algorithm_is_a_text(gate: Gate, algorithm: Any) -> None:
    refused(gate, gate.forger.token({"alg": algorithm}), "names no algorithm")


@pytest.mark.parametrize(
    "algorithm",
    ["es256", "ES256 ", "ES384", "ES512", "ES256K", "PS256", "RS384", "EdDSA", "RSA-OAEP", "dir", "A128KW"],
)
def test_the_algorithm_is_that_of_the_key(both: Gate, algorithm: str) -> None:
    refused(both, both.forger.token({"alg": algorithm}), "algorithm is not that of its key")


def _pem(public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> bytes:
    """Return the key in the other of its PEM spellings; a P-256 key has but one."""
    is_rsa = isinstance(public, rsa.RSAPublicKey)
    how = PublicFormat.PKCS1 if is_rsa else PublicFormat.SubjectPublicKeyInfo
    return public.public_bytes(Encoding.PEM, how).replace(b"\n", b"\r\n" if not is_rsa else b"\n")


def _public_spellings(gate: Gate) -> dict[str, bytes]:
    public = gate.forger.private.public_key()
    is_rsa = isinstance(public, rsa.RSAPublicKey)
    raw = (Encoding.DER, PublicFormat.PKCS1) if is_rsa else (Encoding.X962, PublicFormat.UncompressedPoint)
    return {
        "PEM": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "PEM, stripped": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).strip(),
        "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "PKCS1 or point": public.public_bytes(*raw),
        "PKCS1 or key, in PEM": _pem(public),
        "OpenSSH": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        "JWK": json.dumps(dict(gate.key.public_jwk)).encode(),
        "JWK of JWKS": json.dumps(gate.key.document()).encode(),
        "kid": gate.key.kid.encode(),
        "nothing": b"",
    }


@pytest.mark.parametrize("algorithm", HMACS)
@pytest.mark.parametrize(
    "spelling",
    [
        "PEM",
        "PEM, stripped",
        "DER",
        "PKCS1 or point",
        "PKCS1 or key, in PEM",
        "OpenSSH",
        "JWK",
        "JWK of JWKS",
        "kid",
        "nothing",
    ],
)
def test_the_public_key_is_no_hmac_secret(both: Gate, algorithm: str, spelling: str) -> None:
    secret = _public_spellings(both)[spelling]
    unsigned = _unsigned(both, algorithm)
    mac = hmac.digest(secret, unsigned.encode(), HMACS[algorithm])
    refused(both, f"{unsigned}.{encode(mac)}", "algorithm is not that of its key")


def test_python_jose_alone_would_take_the_public_key_for_a_secret(gate: Gate) -> None:
    """The hole that the gate closes: if this fails, python-jose closed it too."""
    secret = _public_spellings(gate)["DER"]
    unsigned = _unsigned(gate, "HS256")
    token = f"{unsigned}.{encode(hmac.digest(secret, unsigned.encode(), hashlib.sha256))}"
    assert json.loads(jws.verify(token, secret, algorithms=None)) == dict(gate.forger.claims)


def test_another_key_of_the_same_kind_is_refused(both: Gate) -> None:
    other = make_gate(both.settings, "RS256" if both.key.algorithm == "RS256" else "ES256")
    refused(both, other.forger.token(), "key is not trusted")
    refused(both, other.forger.token({"kid": both.key.kid}), "signature is wrong")


def test_a_changed_payload_breaks_the_signature(both: Gate) -> None:
    header, _, signature = both.forger.token().split(".")
    payload = both.forger.token(claims={"scope": "marts:read runs:read"}).split(".")[1]
    refused(both, f"{header}.{payload}.{signature}", "signature is wrong")


def test_a_changed_header_breaks_the_signature(both: Gate) -> None:
    _, payload, signature = both.forger.token().split(".")
    header = both.forger.token({"x": 1}).split(".")[0]
    refused(both, f"{header}.{payload}.{signature}", "signature is wrong")


@pytest.mark.parametrize(
    ("r", "s"),
    [(0, 0), (0, 1), (1, 0), (1, 1), (P256_ORDER, 1), (1, P256_ORDER), (2**256 - 1, 2**256 - 1)],
)
def test_degenerate_signatures_are_refused(gate: Gate, r: int, s: int) -> None:
    message = gate.forger.token().rpartition(".")[0]
    refused(gate, f"{message}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}", "signature is wrong")


@pytest.mark.parametrize("length", [63, 65, 70, 32, 1])
def test_a_signature_has_its_length(gate: Gate, length: int) -> None:
    message, _, signature = gate.forger.token().rpartition(".")
    refused(gate, f"{message}.{encode((decode(signature) * 2)[:length])}", "signature is wrong")


def test_the_mirrored_signature_is_the_same_token(gate: Gate) -> None:
    """ECDSA lets anyone turn (r, s) into (r, n-s); it is the same token, and revoking it revokes both."""
    token = gate.forger.token()
    message, _, signature = token.rpartition(".")
    raw = decode(signature)
    mirrored = raw[:32] + (P256_ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    twin = f"{message}.{encode(mirrored)}"
    assert twin != token
    assert gate.verifier.verify(twin, NOW) == gate.verifier.verify(token, NOW)
    revoking = make_gate(gate.settings, "ES256")
    revoking.trust = Trust(gate.trust.issuers, (), revoked_tokens=frozenset({f"{ISSUER}#one-of-a-kind"}))
    for spelling in (token, twin):
        refused_when_revoked(revoking, spelling)


def refused_when_revoked(gate: Gate, token: str) -> None:
    """Assert that the token is refused as a revoked one."""
    with pytest.raises(InvalidToken, match="was revoked"):
        gate.verifier.verify(token, NOW)


@pytest.fixture
def own() -> Gate:
    """A gate whose trust a test may change."""
    return make_gate(make_settings(Path("unused")), "ES256")


def test_a_revoked_token_is_refused(own: Gate) -> None:
    assert own.accepts(own.forger.token())
    own.trust = Trust(own.trust.issuers, (), revoked_tokens=frozenset({f"{ISSUER}#one-of-a-kind"}))
    refused_when_revoked(own, own.forger.token())
    assert own.verifier.verify(own.forger.token(claims={"jti": "another"}), NOW).jti == "another"


def test_a_token_of_a_revoked_client_is_refused(own: Gate) -> None:
    claims = own.verifier.verify(own.forger.token(), NOW)
    own.trust = Trust(own.trust.issuers, (), revoked_clients=frozenset({claims.client_id}))
    refused_when_revoked(own, own.forger.token())
    with pytest.raises(InvalidToken, match="was revoked"):
        own.verifier.check(claims, NOW)


def test_a_retired_key_verifies_until_its_tokens_have_expired(own: Gate) -> None:
    retired = replace(generate("ES256", at(NOW), at(NOW)), retired_at=at(NOW + 100))
    gate = make_gate(own.settings, "ES256")
    issuer = own_issuer(own.settings, (retired,), at(NOW))
    gate.trust = Trust({ISSUER: issuer}, ())
    gate.forger = forger(retired)
    long_lived = gate.forger.token(claims={"exp": int(NOW) + 100_000})
    last = NOW + 100 + own.settings.token_ttl + 30
    assert gate.accepts(long_lived, last - 0.1)
    claims = gate.verifier.verify(long_lived, last - 0.1)
    for moment in (last, last + 1):
        refused(gate, long_lived, "key is not trusted", moment)
        with pytest.raises(InvalidToken, match="key is not trusted"):
            gate.verifier.check(claims, moment)
    assert own_issuer(own.settings, (retired,), at(last)).keys == {}


def test_a_revoked_key_verifies_nothing(own: Gate) -> None:
    token = own.forger.token()
    claims = own.verifier.verify(token, NOW)
    revoked = replace(own.key, revoked_at=at(NOW))
    own.trust = Trust({ISSUER: own_issuer(own.settings, (revoked,), at(NOW - 5))}, ())
    with pytest.raises(InvalidToken, match="key is not trusted"):
        own.verifier.verify(token, NOW)
    with pytest.raises(InvalidToken, match="key is not trusted"):
        own.verifier.check(claims, NOW)


def test_an_issuer_that_is_trusted_no_more_ends_its_tokens(own: Gate) -> None:
    claims = own.verifier.verify(own.forger.token(), NOW)
    own.trust = Trust({}, ())
    with pytest.raises(InvalidToken, match="another issuer"):
        own.verifier.check(claims, NOW)


def test_a_key_counts_for_its_own_issuer_only(own: Gate) -> None:
    """Another trusted issuer cannot borrow our key, nor we theirs, by naming its kid."""
    mine = own.trust.issuers[ISSUER]
    other = TrustedIssuer("https://other.example", mine.audience, {})
    own.trust = Trust({ISSUER: mine, other.issuer: other}, ())
    refused(own, own.forger.token(claims={"iss": other.issuer}), "key is not trusted")


def test_checking_again_notices_expiry(own: Gate) -> None:
    claims = own.verifier.verify(own.forger.token(), NOW)
    own.verifier.check(claims, NOW + 600 + 29)
    for late in (30, 31, 10_000):
        with pytest.raises(InvalidToken, match="expired"):
            own.verifier.check(claims, NOW + 600 + late)
    with pytest.raises(InvalidToken, match="expired"):
        own.verifier.check(own.verifier.verify(own.forger.token(claims={"iat": 1, "exp": 2}), 2))


@pytest.mark.parametrize("signed", [b"", b'{"sub":"somebody else"}', b"~"])
def test_what_python_jose_verified_is_what_we_read(
    gate: Gate, signed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jws, "verify", lambda token, key, algorithms: signed)
    with pytest.raises(InvalidToken, match="for something else"):
        gate.accepts(gate.forger.token())


def test_only_key_objects_reach_python_jose(both: Gate) -> None:
    trusted = both.trust.issuers[ISSUER].keys[both.key.kid]
    assert isinstance(trusted.checker.prepared_key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
