"""Signing keys: what one is, and its life from announcement to expiry."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.auth import keyring
from app.auth.keys import Algorithm, SigningKey, generate, thumbprint
from app.auth.service import Auth
from app.auth.store import open_accounts
from app.errors import StoreFailure
from app.settings import Settings
from tests.auth.conftest import at
from tests.auth.forge import NOW, decode, encode

START = at(NOW)
OVERLAP = timedelta(seconds=3630)


def test_the_thumbprint_is_that_of_the_standard() -> None:
    """The key and the thumbprint that RFC 7638, section 3.1, shows."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX"
        "jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaS"
        "qzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksIN"
        "HaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    jwk = {"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    assert thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_key_is_published_as_its_numbers(algorithm: Algorithm) -> None:
    key = generate(algorithm, START, START)
    private = load_pem_private_key(key.private_pem.encode(), None)
    document = key.document()
    numbers: dict[str, str]
    if isinstance(private, ec.EllipticCurvePrivateKey):
        point = private.public_key().public_numbers()
        assert isinstance(point.curve, ec.SECP256R1)
        x, y = (encode(number.to_bytes(32, "big")) for number in (point.x, point.y))
        numbers = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    else:
        assert isinstance(private, rsa.RSAPrivateKey)
        assert private.key_size == 2048
        modulus = private.public_key().public_numbers().n
        numbers = {"kty": "RSA", "n": encode(modulus.to_bytes(256, "big")), "e": "AQAB"}
    text = json.dumps(numbers, sort_keys=True, separators=(",", ":")).encode()
    kid = encode(hashlib.sha256(text).digest())
    assert document == {**numbers, "alg": algorithm, "use": "sig", "kid": kid}


def test_a_key_never_shows_its_private_half() -> None:
    key = generate("ES256", START, START)
    assert "PRIVATE" in key.private_pem
    assert "PRIVATE" not in repr(key)
    assert "d" not in key.document()


def _statuses(keys: list[SigningKey], seconds: float) -> list[str]:
    return [key.status(at(NOW + seconds), OVERLAP) for key in keys]


def test_a_rotation_overlaps(settings: Settings) -> None:
    engine = open_accounts(settings)
    old = keyring.rotate(engine, now=START)
    new = keyring.rotate(engine, "RS256", now=START + timedelta(seconds=100))
    with engine.connect() as connection:
        keys = keyring.read_keys(connection)
    assert [key.kid for key in keys] == [new.kid, old.kid]
    assert (keys[0].algorithm, keys[1].algorithm) == ("RS256", "ES256")
    assert _statuses(keys, 0) == ["pending", "signing"]
    assert _statuses(keys, 101.9) == ["pending", "signing"]
    assert _statuses(keys, 102) == ["signing", "retired"]
    assert _statuses(keys, 102 + 3629.9) == ["signing", "retired"]
    assert _statuses(keys, 102 + 3630) == ["signing", "expired"]


def test_at_every_moment_of_a_rotation_one_key_signs_and_all_verify(settings: Settings) -> None:
    engine = open_accounts(settings)
    kids = [keyring.rotate(engine, now=START + timedelta(seconds=pause)).kid for pause in (0, 1, 1.5, 60)]
    with engine.connect() as connection:
        keys = keyring.read_keys(connection)
    signing = {
        second: keyring.signing_key(keys, at(NOW + second)).kid for second in (0, 2.9, 3, 3.4, 3.5, 61.9, 62)
    }
    assert list(signing.values()) == [kids[0], kids[0], kids[1], kids[1], kids[2], kids[2], kids[3]]
    for second in signing:
        valid = keyring.verifying_keys(keys, at(NOW + second), OVERLAP)
        assert {key.kid for key in valid} == set(kids)


def test_a_leak_ends_every_other_key_at_once(settings: Settings) -> None:
    engine = open_accounts(settings)
    for pause in (0, 10):
        keyring.rotate(engine, now=START + timedelta(seconds=pause))
    new = keyring.replace_leaked(engine, now=START + timedelta(seconds=20))
    with engine.connect() as connection:
        keys = keyring.read_keys(connection)
    assert _statuses(keys, 20) == ["signing", "revoked", "revoked"]
    assert keyring.verifying_keys(keys, at(NOW + 20), OVERLAP) == [keys[0]]
    assert keyring.signing_key(keys, at(NOW + 20)).kid == new.kid


def test_a_key_revoked_while_it_signs_verifies_nothing_from_then_on() -> None:
    key = generate("ES256", START, START)
    assert key.verifies_until(OVERLAP) == datetime.max.replace(tzinfo=UTC)
    revoked = SigningKey(**{**vars(key), "revoked_at": at(NOW + 5)})
    assert revoked.verifies_until(OVERLAP) == at(NOW + 5)
    assert not revoked.signs(at(NOW + 1))


def test_there_is_no_key_before_the_first(settings: Settings) -> None:
    with pytest.raises(StoreFailure, match="no signing key"):
        keyring.signing_key([generate("ES256", START, START)], at(NOW - 1))


def test_the_first_key_is_made_on_first_use_and_kept(auth: Auth) -> None:
    first = auth.jwks()["keys"]
    assert [key["alg"] for key in first] == ["ES256"]
    keyring.ensure_key(auth.engine)
    reopened = Auth(auth.settings, auth.engine)
    assert reopened.jwks()["keys"] == first


def test_the_process_that_comes_second_makes_no_second_first_key(
    auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees no key, waits for the write lock, and then finds the one that the other process made."""
    answers = iter([[], list(auth.watcher.trust.signing_keys)])
    monkeypatch.setattr(keyring, "read_keys", lambda _: next(answers))
    keyring.ensure_key(auth.engine)
    monkeypatch.undo()
    with auth.engine.connect() as connection:
        assert len(keyring.read_keys(connection)) == 1


def test_after_a_leak_a_first_key_is_not_made_again(auth: Auth) -> None:
    new = keyring.replace_leaked(auth.engine)
    keyring.ensure_key(auth.engine)
    auth.watcher.refresh()
    assert [key["kid"] for key in auth.jwks()["keys"]] == [new.kid]


def test_the_coming_key_is_announced_before_it_signs(auth: Auth) -> None:
    (first,) = auth.jwks()["keys"]
    new = keyring.rotate(auth.engine)
    auth.watcher.refresh()
    assert {key["kid"] for key in auth.jwks()["keys"]} == {first["kid"], new.kid}
    gone = new.signs_from + timedelta(seconds=auth.settings.token_ttl + 30)
    assert [key["kid"] for key in auth.jwks(gone)["keys"]] == [new.kid]


def test_numbers_of_the_published_point_have_full_length() -> None:
    for _ in range(200):  # one in 128 points has a coordinate that begins with a zero byte
        jwk = generate("ES256", START, START).public_jwk
        assert len(decode(jwk["x"])) == len(decode(jwk["y"])) == 32
