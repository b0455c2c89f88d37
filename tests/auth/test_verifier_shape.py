"""The shape of a token: only its one canonical spelling counts, and its header may ask for nothing."""

import json
import os
from base64 import b64encode
from typing import Any

import pytest

from app.auth.compact import MAX_TOKEN
from app.auth.errors import InvalidToken
from tests.auth.conftest import Gate
from tests.auth.forge import ABSENT, NOW, decode, encode
from tests.auth.mutants import ALPHABET, mutants

#: ``MUTANTS=1000000 pytest tests/auth -k mutation`` takes a minute or two.
MUTANTS = int(os.environ.get("MUTANTS", "20000"))


def refused(gate: Gate, token: Any, message: str) -> None:
    """Assert that the token is refused for this reason, and that the gate is not simply shut."""
    assert gate.accepts(gate.forger.token())
    with pytest.raises(InvalidToken, match=message) as caught:
        gate.accepts(token)
    assert caught.value.status == 401


def test_a_good_token_gives_its_claims(both: Gate) -> None:
    claims = both.verifier.verify(both.forger.token(), 1_800_000_000)
    assert claims.subject == claims.client_id == "0123456789abcdef01234567"
    assert claims.issuer == "https://marts.example"
    assert claims.scopes == {"marts:read"}
    assert claims.jti == "one-of-a-kind"
    assert (claims.issued_at, claims.expires_at) == (1_799_999_990, 1_800_000_600)
    assert claims.key_id == both.key.kid


@pytest.mark.parametrize("name", ["at+jwt", "application/at+jwt"])
def test_both_spellings_of_the_type_are_good(gate: Gate, name: str) -> None:
    assert gate.accepts(gate.forger.token({"typ": name}))


@pytest.mark.parametrize(
    "name", [ABSENT, None, "", "JWT", "jwt", "AT+JWT", "at+jwt ", "id_token", ["at+jwt"], 1]
)
def test_no_other_type_is_an_access_token(gate: Gate, name: Any) -> None:
    refused(gate, gate.forger.token({"typ": name}), "typ at|malformed")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("crit", ["exp"]),
        ("crit", []),
        ("b64", False),
        ("b64", True),
        ("jku", "https://evil.example/jwks.json"),
        ("jwk", {"kty": "oct", "k": "AA"}),
        ("x5u", "https://evil.example/cert.pem"),
        ("x5c", ["MIIB"]),
        ("zip", "DEF"),
        ("enc", "A256GCM"),
        ("jku", None),
    ],
)
def test_a_header_that_asks_for_more_is_refused(gate: Gate, parameter: str, value: Any) -> None:
    refused(gate, gate.forger.token({parameter: value}), "never accepted")


def test_an_unknown_header_parameter_is_ignored(gate: Gate) -> None:
    assert gate.accepts(gate.forger.token({"x5t": "AAAA", "cty": "x"}))


@pytest.mark.parametrize("kid", [ABSENT, None, "", 1, True, ["x"], {"a": 1}, "k" * 257])
def test_a_kid_is_a_short_text(gate: Gate, kid: Any) -> None:
    refused(gate, gate.forger.token({"kid": kid}), "names no key")


@pytest.mark.parametrize(
    "kid", ["../../etc/passwd", "' OR 1=1 --", "https://evil.example/k", "\0", "\ud800", "K" * 256]
)
def test_a_kid_is_only_ever_looked_up_among_our_own(gate: Gate, kid: str) -> None:
    refused(gate, gate.forger.token({"kid": kid}), "key is not trusted")


def _duplicated(document: dict[str, Any], name: str) -> bytes:
    body = json.dumps(document)
    return f"{{{json.dumps(name)}:{json.dumps(document[name])},{body[1:]}".encode()


@pytest.mark.parametrize("name", ["alg", "kid", "typ"])
def test_duplicate_header_names_are_refused(gate: Gate, name: str) -> None:
    header = _duplicated(dict(gate.forger.header), name)
    refused(gate, gate.forger.sign(header, json.dumps(dict(gate.forger.claims)).encode()), "malformed")


@pytest.mark.parametrize("name", ["iss", "exp", "scope", "jti"])
def test_duplicate_claims_are_refused(gate: Gate, name: str) -> None:
    payload = _duplicated(dict(gate.forger.claims), name)
    refused(gate, gate.forger.sign(json.dumps(dict(gate.forger.header)).encode(), payload), "malformed")


def _with(document: bytes, member: bytes) -> bytes:
    return document[:-1] + b"," + member + b"}"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda raw: _with(raw, b'"x":NaN'), id="nan"),
        pytest.param(lambda raw: _with(raw, b'"x":Infinity'), id="infinity"),
        pytest.param(lambda raw: _with(raw, b'"x":-Infinity'), id="minus-infinity"),
        pytest.param(lambda raw: _with(raw, b'"x":' + b"[" * 70 + b"]" * 70), id="nested"),
        pytest.param(lambda raw: _with(raw, b'"x":' + b'{"a":' * 70 + b"1" + b"}" * 70), id="nested-objects"),
        pytest.param(lambda raw: _with(raw, b'"x":{"a":1,"a":1}'), id="duplicate-inside"),
        pytest.param(lambda raw: _with(raw, b'"x":"\xff"'), id="not-utf-8"),
        pytest.param(lambda raw: b"\xef\xbb\xbf" + raw, id="bom"),
        pytest.param(lambda raw: raw.decode().encode("utf-16"), id="utf-16"),
        pytest.param(lambda raw: b"[" + raw + b"]", id="list"),
        pytest.param(lambda raw: raw + raw, id="two-documents"),
        pytest.param(lambda raw: raw[:-1], id="truncated"),
        pytest.param(lambda raw: b'"text"', id="string"),
        pytest.param(lambda raw: b"null", id="null"),
    ],
)
@pytest.mark.parametrize("part", ["header", "payload"])
def test_only_strict_json_objects_count(gate: Gate, spoil: Any, part: str) -> None:
    header, payload = (json.dumps(dict(doc)).encode() for doc in (gate.forger.header, gate.forger.claims))
    assert gate.accepts(gate.forger.sign(_with(header, b'"x":[1]'), _with(payload, b'"x":[1]')))
    spoilt = (spoil(header), payload) if part == "header" else (header, spoil(payload))
    refused(gate, gate.forger.sign(*spoilt), "malformed")


def test_a_token_longer_than_the_limit_is_not_even_parsed(gate: Gate) -> None:
    room = MAX_TOKEN - len(gate.forger.token({"x": ""}))
    fits = gate.forger.token({"x": "x" * (room * 3 // 4 - 4)})
    assert MAX_TOKEN - 10 < len(fits) <= MAX_TOKEN
    assert gate.accepts(fits)
    refused(gate, gate.forger.token({"x": "x" * room}), "too long")


@pytest.mark.parametrize("length", [MAX_TOKEN + 1, 1_000_000])
def test_a_huge_text_is_refused_unread(gate: Gate, length: int) -> None:
    refused(gate, "." * length, "too long")


def test_the_length_limit_is_exact(gate: Gate) -> None:
    assert MAX_TOKEN == 8192
    refused(gate, "x" * MAX_TOKEN, "malformed")


def _foreign_spellings(token: str) -> dict[str, str]:
    header, payload, signature = token.split(".")
    padded = [segment + "=" * (-len(segment) % 4) for segment in (header, payload, signature)]
    return {
        "padded signature": f"{header}.{payload}.{padded[2]}",
        "padded everywhere": ".".join(padded),
        "one pad too many": f"{header}.{payload}.{signature}====",
        "standard alphabet": f"{header}.{payload}.{b64encode(decode(signature)).decode().rstrip('=')}",
        "space inside": f"{header}.{payload}.{signature[:5]} {signature[5:]}",
        "line break inside": f"{header}.{payload}.{signature[:5]}\n{signature[5:]}",
        "line break at the end": token + "\n",
        "space in front": " " + token,
        "foreign character inside": f"{header}.{payload}.{signature[:5]}!{signature[5:]}",
        "non-ASCII digit": f"{header}.{payload}.{signature}\u0661",
        "NUL": token + "\0",
        "two segments": f"{header}.{payload}",
        "empty signature": f"{header}.{payload}.",
        "empty header": f".{payload}.{signature}",
        "empty payload": f"{header}..{signature}",
        "four segments": f"{token}.{signature}",
        "five segments (JWE)": f"{header}.{payload}.{signature}.{payload}.{signature}",
        "nothing": "",
        "dots": "..",
        "a word": "token",
        "JSON serialisation": json.dumps({"payload": payload, "protected": header, "signature": signature}),
    }


@pytest.mark.parametrize("name", _foreign_spellings("AAAA.AAAA.AAAA"))
def test_only_three_canonical_segments_count(gate: Gate, name: str) -> None:
    token = gate.forger.token()
    while not {"-", "_"} & set(token.split(".")[2]):  # so that the two alphabets differ
        token = gate.forger.token()
    refused(gate, _foreign_spellings(token)[name], "malformed")


@pytest.mark.parametrize("segment", [0, 1, 2])
def test_bits_beyond_the_last_byte_must_be_zero(gate: Gate, segment: int) -> None:
    for filler in ("", "x", "xx"):  # until the length of the segment leaves spare bits
        segments = gate.forger.token({"x": filler}, {"x": filler}).split(".")
        if len(segments[segment]) % 4:
            break
    assert gate.accepts(".".join(segments))
    last = segments[segment][-1]
    twin = segments[segment][:-1] + ALPHABET[ALPHABET.index(last) + 1]
    assert decode(twin) == decode(segments[segment]), "the same bytes, spelled differently"
    segments[segment] = twin
    refused(gate, ".".join(segments), "malformed")


def test_a_segment_of_impossible_length_is_refused(gate: Gate) -> None:
    header, payload, signature = gate.forger.token().split(".")
    refused(gate, f"{header}.{payload}.{signature[:85]}", "malformed")


@pytest.mark.parametrize("other", [None, b"bytes", 7, ["a", "b", "c"]])
def test_what_is_no_text_is_refused(gate: Gate, other: Any) -> None:
    refused(gate, other, "malformed")


def test_no_refusal_repeats_what_was_sent(gate: Gate) -> None:
    with pytest.raises(InvalidToken) as caught:
        gate.accepts(gate.forger.token({"kid": "hunter2"}))
    assert "hunter2" not in f"{caught.value} {caught.value.headers}"


def test_encoding_is_the_reverse_of_decoding() -> None:
    assert decode(encode(b"\xfb\xff\x00")) == b"\xfb\xff\x00"


def test_no_mutation_of_a_token_is_accepted_or_breaks_anything(gate: Gate) -> None:
    token, other = gate.forger.token(), gate.forger.token(claims={"jti": "another"})
    for mutant in mutants([token, other], MUTANTS):
        with pytest.raises(InvalidToken):
            gate.verifier.verify(mutant, NOW)
