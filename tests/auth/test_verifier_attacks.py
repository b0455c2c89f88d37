"""Attacks that take a token as a whole: every claim spoilt in every way, sizes, encryption, connections."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from jose import jwe

from app.auth.errors import InvalidToken
from tests.auth.conftest import Gate
from tests.auth.forge import NOW, encode

CLAIMS = ("iss", "aud", "sub", "client_id", "iat", "exp", "nbf", "jti", "scope")
LONG = 10_000_000


def refused(gate: Gate, token: str, message: str) -> None:
    """Assert that the token is refused for this reason, and that the gate is not simply shut."""
    assert gate.accepts(gate.forger.token(claims={"nbf": int(NOW)}))
    with pytest.raises(InvalidToken, match=message) as caught:
        gate.accepts(token)
    assert (caught.value.status, caught.value.error) == (401, "invalid_token")


def signed(gate: Gate, payload: bytes) -> str:
    """Return a token with this payload and a good signature."""
    return gate.forger.sign(json.dumps(dict(gate.forger.header)).encode(), payload)


def payload(gate: Gate, claim: str, value: str) -> bytes:
    """Return good claims in which one is this text of JSON."""
    claims = {"nbf": int(NOW), **gate.forger.claims, claim: "@"}
    return json.dumps(claims).replace('"@"', value).encode()


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("claim", CLAIMS)
def test_no_claim_is_a_number_that_json_has_not(gate: Gate, claim: str, value: str) -> None:
    refused(gate, signed(gate, payload(gate, claim, value)), "malformed")


@pytest.mark.parametrize(
    "value", ["null", "{}", "[[]]", '{"a":1}', "-1", "false", "1e999", "-1e999", "1" * 400]
)
@pytest.mark.parametrize("claim", CLAIMS)
def test_no_claim_is_of_another_type(gate: Gate, claim: str, value: str) -> None:
    refused(gate, signed(gate, payload(gate, claim, value)), "another issuer|another audience|claim")


@pytest.mark.parametrize("claim", CLAIMS)
def test_no_number_has_more_digits_than_python_reads(gate: Gate, claim: str) -> None:
    """Beyond 4,300 digits the parser itself gives up."""
    refused(gate, signed(gate, payload(gate, claim, "1" * 4400)), "malformed")


@pytest.mark.parametrize("claim", CLAIMS)
def test_no_claim_stands_there_twice(gate: Gate, claim: str) -> None:
    """However the second one is spelled, and even where both say the same."""
    claims = {"nbf": int(NOW), **gate.forger.claims}
    for name in (claim, f"\\u{ord(claim[0]):04x}{claim[1:]}"):
        twice = json.dumps(claims)[:-1] + f',"{name}":{json.dumps(claims[claim])}}}'
        refused(gate, signed(gate, twice.encode()), "malformed")


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "client_id", "jti"])
def test_no_name_is_huge(gate: Gate, claim: str) -> None:
    refused(gate, gate.forger.token(claims={claim: "x" * 5000}), "another issuer|another audience|claim")


@pytest.mark.parametrize("depth", [64, 1000, 100_000])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_no_depth_breaks_the_parser(gate: Gate, depth: int, opening: str) -> None:
    document = payload(gate, "sub", opening * depth)
    header = json.dumps(dict(gate.forger.header))[:-1] + ',"x":' + opening * depth
    for token in (signed(gate, document), gate.forger.sign(header.encode(), b"{}")):
        refused(gate, token, "malformed|too long")


@pytest.mark.parametrize("text", ["x", ".", "\0", "\xff", "{", "A.B.C"])
def test_ten_megabytes_are_refused_unread(gate: Gate, text: str) -> None:
    refused(gate, text * (LONG // len(text)), "too long")


def test_a_kid_of_a_megabyte_is_refused_unread(gate: Gate) -> None:
    refused(gate, gate.forger.token({"kid": "k" * 1_000_000}), "too long")


@pytest.mark.parametrize(
    "kid",
    [
        "/etc/passwd",
        "C:\\keys",
        "x' UNION SELECT private_pem --",
        "file:///dev/null",
        "$(id)",
        "a\0b",
        "\r\n",
        "{}",
    ],
)
def test_a_kid_leads_nowhere_but_into_our_own_keys(gate: Gate, kid: str) -> None:
    refused(gate, gate.forger.token({"kid": kid}), "key is not trusted")


@pytest.mark.parametrize("algorithm", ["dir", "A256KW"])
def test_an_encrypted_token_is_no_bearer_token(gate: Gate, algorithm: str) -> None:
    """Five segments, made by python-jose (RFC 7516); and three of them, so that the count is not all."""
    text = jwe.encrypt(
        json.dumps(dict(gate.forger.claims)),
        b"k" * 32,
        algorithm=algorithm,
        encryption="A256GCM",
        kid=gate.key.kid,
    ).decode()
    refused(gate, text, "malformed")
    header = {"alg": algorithm, "enc": "A256GCM", "typ": "at+jwt", "kid": gate.key.kid}
    three = f"{encode(json.dumps(header).encode())}.{gate.forger.token().partition('.')[2]}"
    refused(gate, three, "never accepted")


@contextmanager
def connections() -> Iterator[list[str]]:
    """Collect every look into the network until the end of the block, from whatever thread."""
    seen: list[str] = []
    watching = True

    def watch(event: str, _: tuple[Any, ...]) -> None:
        if watching and event in {
            "socket.connect",
            "socket.getaddrinfo",
            "socket.gethostbyname",
            "urllib.Request",
        }:
            seen.append(event)

    sys.addaudithook(watch)  # stays until the process ends, hence the flag
    yield seen
    watching = False


def test_no_token_causes_a_connection(gate: Gate) -> None:
    url = "http://127.0.0.1:9/keys"
    tokens = [
        *(gate.forger.token({name: url}) for name in ("jku", "x5u", "kid", "typ", "cty", "iss")),
        gate.forger.token({"jwk": {"jku": url}}),
        *(gate.forger.token(claims={name: url}) for name in ("iss", "aud", "sub", "jku", "jwks_uri")),
    ]
    with connections() as seen:
        for token in tokens:
            try:
                gate.verifier.verify(token, NOW)
            except InvalidToken:
                continue
    assert seen == []
