"""Every claim is checked here, one by one, on tokens whose signature is good (RFC 9068, section 4)."""

import json
from typing import Any

import pytest

from app.auth.errors import InvalidToken
from tests.auth.conftest import Gate
from tests.auth.forge import ABSENT, NOW

NOT_TEXT: list[Any] = [ABSENT, None, 1, 1.5, True, [], ["x"], {}, ""]
NOT_PRINTABLE = ["a\0b", "line\nbreak", "\u202e", "\ud800", "x" * 256]
NOT_A_TIME: list[Any] = [ABSENT, None, "1800000000", True, False, [], {}, -1, 10**13, 10**400]


def refused(gate: Gate, changes: dict[str, Any], message: str, now: float = NOW) -> None:
    """Assert that the token is refused for this reason, and without the change accepted."""
    assert gate.accepts(gate.forger.token())
    with pytest.raises(InvalidToken, match=message):
        gate.accepts(gate.forger.token(claims=changes), now)


@pytest.mark.parametrize("value", [*NOT_TEXT, *NOT_PRINTABLE])
@pytest.mark.parametrize("claim", ["sub", "client_id", "jti"])
def test_a_name_is_a_short_printable_text(gate: Gate, claim: str, value: Any) -> None:
    refused(gate, {claim: value}, f"claim {claim} is not a name")


@pytest.mark.parametrize("name", ["x", "x" * 255, "\u00e9 \u6620"])
@pytest.mark.parametrize("claim", ["sub", "client_id", "jti"])
def test_a_name_has_one_to_255_characters(gate: Gate, claim: str, name: str) -> None:
    claims = gate.verifier.verify(gate.forger.token(claims={claim: name}), NOW)
    assert {"sub": claims.subject, "client_id": claims.client_id, "jti": claims.jti}[claim] == name


@pytest.mark.parametrize(
    "value",
    [
        *NOT_TEXT,
        "https://evil.example",
        "https://marts.example/",
        "HTTPS://MARTS.EXAMPLE",
        "https://marts.example\0",
        ["https://marts.example"],
    ],
)
def test_the_issuer_is_exactly_ours(gate: Gate, value: Any) -> None:
    refused(gate, {"iss": value}, "another issuer")


@pytest.mark.parametrize(
    "value",
    [
        *NOT_TEXT,
        "other",
        "movie-mart",
        "movie-marts ",
        "MOVIE-MARTS",
        ["other"],
        ["movie-marts", 1],
        [["movie-marts"]],
        {"movie-marts": 1},
    ],
)
def test_the_audience_names_us(gate: Gate, value: Any) -> None:
    refused(gate, {"aud": value}, "another audience")


def test_the_audience_may_name_others_too(gate: Gate) -> None:
    assert gate.accepts(gate.forger.token(claims={"aud": ["other", "movie-marts"]}))


@pytest.mark.parametrize("value", NOT_A_TIME)
@pytest.mark.parametrize("claim", ["iat", "exp", "nbf"])
def test_a_time_is_a_number_in_range(gate: Gate, claim: str, value: Any) -> None:
    if claim == "nbf" and value is ABSENT:
        assert gate.accepts(gate.forger.token(claims={"nbf": ABSENT}))
    else:
        refused(gate, {claim: value}, f"claim {claim} is not a time")


@pytest.mark.parametrize("claim", ["iat", "exp", "nbf"])
def test_a_number_too_large_for_a_float_is_no_time(gate: Gate, claim: str) -> None:
    payload = json.dumps({**gate.forger.claims, claim: "@"}).replace('"@"', "1e400").encode()
    with pytest.raises(InvalidToken, match=f"claim {claim} is not a time"):
        gate.accepts(gate.forger.sign(json.dumps(dict(gate.forger.header)).encode(), payload))


@pytest.mark.parametrize("claim", ["iat", "exp", "nbf"])
def test_a_time_may_have_a_fraction(gate: Gate, claim: str) -> None:
    assert gate.accepts(gate.forger.token(claims={claim: gate.forger.claims.get(claim, NOW - 5) + 0.5}))


def test_a_token_expires_after_the_leeway(gate: Gate) -> None:
    expiry = gate.forger.claims["exp"]
    assert gate.accepts(gate.forger.token(), expiry + 29.9)
    refused(gate, {}, "expired", expiry + 30)


def test_the_last_second_of_the_year_9999_is_in_range(gate: Gate) -> None:
    assert gate.accepts(gate.forger.token(claims={"exp": 253_402_300_799}))
    refused(gate, {"exp": 253_402_300_800}, "claim exp is not a time")


def test_the_epoch_is_in_range(gate: Gate) -> None:
    assert gate.accepts(gate.forger.token(claims={"iat": 0, "nbf": 0}))


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_token_starts_within_the_leeway(gate: Gate, claim: str) -> None:
    assert gate.accepts(gate.forger.token(claims={claim: NOW + 30}))
    refused(gate, {claim: NOW + 31}, "not valid yet")


@pytest.mark.parametrize("expiry", [NOW - 10, NOW - 11])
def test_a_token_cannot_expire_before_it_is_issued(gate: Gate, expiry: float) -> None:
    refused(gate, {"iat": NOW - 10, "exp": expiry}, "before it is issued")


@pytest.mark.parametrize(
    "value",
    [
        *NOT_TEXT,
        " ",
        " marts:read",
        "marts:read ",
        "marts:read  runs:read",
        "marts:read\trun",
        "marts:read\n",
        'a"b',
        "a\\b",
        "\u00e9",
        ["marts:read"],
    ],
)
def test_scope_is_a_list_of_words_in_one_text(gate: Gate, value: Any) -> None:
    refused(gate, {"scope": value}, "claim scope")


def test_scopes_are_split(gate: Gate) -> None:
    claims = gate.verifier.verify(gate.forger.token(claims={"scope": "runs:read marts:read !x"}), NOW)
    assert claims.scopes == {"runs:read", "marts:read", "!x"}


def test_further_claims_are_ignored(gate: Gate) -> None:
    assert gate.accepts(gate.forger.token(claims={"groups": ["x"], "nonce": None}))


def test_verified_claims_cannot_be_changed(gate: Gate) -> None:
    claims = gate.verifier.verify(gate.forger.token(), NOW)
    with pytest.raises(AttributeError):
        claims.scopes = frozenset({"runs:read"})  # type: ignore[misc]  # the point


def test_the_clock_is_the_default(gate: Gate) -> None:
    with pytest.raises(InvalidToken, match="expired"):
        gate.verifier.verify(gate.forger.token(claims={"iat": 1, "exp": 2}))
    assert gate.verifier.verify(gate.forger.token(claims={"iat": 1, "exp": 253_402_300_799})).issued_at == 1
