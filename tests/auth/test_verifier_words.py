"""Why a token was refused, word for word: people read it in answers and in the audit log."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jose import jws

from app.auth.compact import parse
from app.auth.errors import InvalidToken
from app.auth.trust import Trust
from tests.auth.conftest import Gate, make_gate, make_settings
from tests.auth.forge import ABSENT, ISSUER, NOW, encode

Make = Callable[[Gate], str]


def said(gate: Gate, token: str) -> str:
    """Return the words."""
    with pytest.raises(InvalidToken) as caught:
        gate.verifier.verify(token, NOW)
    return caught.value.message


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda gate: "x" * 8193, "the token is too long"),
        (lambda gate: "x", "the token is malformed"),
        (
            lambda gate: gate.forger.token({"crit": []}),
            "the token's header has a parameter that is never accepted",
        ),
        (lambda gate: gate.forger.token({"typ": "JWT"}), "the token is not an access token (typ at+jwt)"),
        (lambda gate: gate.forger.token({"typ": None}), "the token names no type (typ at+jwt)"),
        (lambda gate: gate.forger.token({"alg": None}), "the token names no algorithm"),
        (lambda gate: gate.forger.token({"kid": None}), "the token names no key"),
        (lambda gate: gate.forger.token({"kid": "x"}), "the token's key is not trusted"),
        (lambda gate: gate.forger.token({"alg": "none"}), "the token's algorithm is not that of its key"),
        (
            lambda gate: gate.forger.token().rpartition(".")[0] + "." + encode(b"x" * 64),
            "the token's signature is wrong",
        ),
        (lambda gate: gate.forger.token(claims={"iss": "x"}), "the token is from another issuer"),
        (lambda gate: gate.forger.token(claims={"aud": "x"}), "the token is for another audience"),
        (lambda gate: gate.forger.token(claims={"iat": NOW + 31}), "the token is not valid yet"),
        (lambda gate: gate.forger.token(claims={"exp": 1}), "the token expires before it is issued"),
        (lambda gate: gate.forger.token(claims={"iat": 1, "exp": NOW - 30}), "the token expired"),
        (lambda gate: gate.forger.token(claims={"exp": "x"}), "the claim exp is not a time"),
        (lambda gate: gate.forger.token(claims={"sub": ABSENT}), "the claim sub is not a name"),
        (lambda gate: gate.forger.token(claims={"scope": []}), "the claim scope is not a list of scopes"),
    ],
)
def test_a_refusal_says(gate: Gate, make: Make, words: str) -> None:
    assert said(gate, make(gate)) == words


def test_a_revoked_token_is_called_so() -> None:
    gate = make_gate(make_settings(Path("unused")), "ES256")
    identity = gate.verifier.verify(gate.forger.token(), NOW).identity
    gate.trust = Trust(gate.trust.issuers, (), revoked_tokens=frozenset({identity}))
    assert said(gate, gate.forger.token()) == "the token was revoked"


def test_a_foreign_payload_is_called_so(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jws, "verify", lambda token, key, algorithms: b"{}")
    assert said(gate, gate.forger.token()) == "the token's signature is for something else"


def test_a_segment_that_is_not_canonical_is_called_so() -> None:
    with pytest.raises(ValueError, match=r"^not canonical base64url$"):
        parse("AAAA.AAAA.AB")


def test_python_jose_is_told_the_one_algorithm(both: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none is named it takes any."""
    told: list[tuple[Any, ...]] = []
    verify = jws.verify

    def noted(token: str, key: Any, algorithms: Any = None) -> Any:
        told.append((token, key, algorithms))
        return verify(token, key, algorithms)

    monkeypatch.setattr(jws, "verify", noted)
    token = both.forger.token()
    assert both.accepts(token)
    trusted = both.trust.issuers[ISSUER].keys[both.key.kid]
    assert told == [(token, trusted.checker, [both.key.algorithm])]
