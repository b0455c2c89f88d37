"""Claims of other issuers, token by token: who the client is, what it may, and what is no access token."""

import json
from typing import Any

import pytest

from app.auth.claims import VerifiedClaims
from app.auth.errors import InvalidToken
from app.auth.external import ExternalProfile
from app.auth.keys import generate
from app.auth.trust import Trust, TrustedIssuer, TrustedKey, own_issuer
from app.auth.verifier import Verifier
from app.errors import ConfigurationError
from app.settings.issuers import read_issuers
from tests.auth.conftest import Gate, at
from tests.auth.forge import ABSENT, AUDIENCE, CLIENT, ISSUER, NOW, Forger, decode, encode, forger

THEIRS = "https://login.example/tenant"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
KEY = generate("ES256", at(NOW - 1000), at(NOW - 1000))


def make_verifier(gate: Gate, **setting: Any) -> Verifier:
    """Return a verifier that trusts this server and, as the setting says, another issuer."""
    (issuer,) = read_issuers(json.dumps([{"issuer": THEIRS, "audience": AUDIENCE, **setting}]))
    keys = {"theirs": TrustedKey("theirs", "ES256", KEY.checker, NOW + 1000)}
    theirs = TrustedIssuer(THEIRS, AUDIENCE, keys, ExternalProfile(issuer))
    own = own_issuer(gate.settings, (gate.key,), at(NOW))
    return Verifier(lambda: Trust({ISSUER: own, THEIRS: theirs}, ()))


def their_forger() -> Forger:
    """Return the forger with the other issuer's key."""
    ours = forger(KEY)
    return Forger(ours.private, {**ours.header, "kid": "theirs"}, {**ours.claims, "iss": THEIRS})


def claims_of(
    gate: Gate, claims: dict[str, Any], header: dict[str, Any] | None = None, **setting: Any
) -> VerifiedClaims:
    """Verify a token of theirs with these changes."""
    return make_verifier(gate, **setting).verify(their_forger().token(header, claims), NOW)


def refused(gate: Gate, claims: dict[str, Any], message: str, typ: str = "at+jwt", **setting: Any) -> None:
    """Assert that a token of theirs is refused for this reason."""
    with pytest.raises(InvalidToken, match=message):
        claims_of(gate, claims, {"typ": typ}, **setting)


def test_a_client_of_theirs_is_none_of_ours(gate: Gate) -> None:
    """Even one that is called like ours: neither its limit, nor its revocation, nor its lines are shared."""
    theirs = claims_of(gate, {"client_id": CLIENT})
    assert theirs.client_id == "https://login.example/tenant#0123456789abcdef01234567"
    ours = make_verifier(gate).verify(gate.forger.token(), NOW)
    assert ours.client_id == CLIENT


def test_no_client_of_theirs_is_that_of_a_third_issuer(gate: Gate) -> None:
    """An issuer has no ``#``, so the first one ends its name."""
    assert claims_of(gate, {"client_id": "a#b"}).client_id == f"{THEIRS}#a#b"
    for name in (f"{THEIRS}#a", f"{THEIRS}#"):
        with pytest.raises(ValueError, match="fragment"):
            read_issuers(json.dumps([{"issuer": name, "audience": "x"}]))


@pytest.mark.parametrize(
    ("claims", "setting", "client"),
    [
        ({"client_id": "a", "azp": "b"}, {}, "a"),
        ({"client_id": ABSENT, "azp": "b"}, {}, "b"),
        ({"client_id": "a", "azp": "b"}, {"client_claim": "azp"}, "b"),
        ({"appid": "c"}, {"client_claim": "appid"}, "c"),
        ({"sub": "d"}, {"client_claim": "sub"}, "d"),
    ],
)
def test_the_client_stands_where_the_setting_says(
    gate: Gate, claims: dict[str, Any], setting: dict[str, Any], client: str
) -> None:
    assert claims_of(gate, claims, **setting).client_id == f"{THEIRS}#{client}"


@pytest.mark.parametrize("value", [ABSENT, None, "", 1, ["a"], "a\0", "x" * 256])
@pytest.mark.parametrize("setting", [{}, {"client_claim": "cid"}])
def test_a_token_without_a_client_is_refused(gate: Gate, value: Any, setting: dict[str, Any]) -> None:
    claims = {"client_id": value, "cid": value, "azp": ABSENT}
    refused(gate, claims, "is not a name", **setting)


@pytest.mark.parametrize(
    ("claim", "value", "scopes"),
    [
        ("scope", "marts:read runs:read", {"marts:read", "runs:read"}),
        ("scp", ["marts:read", "other"], {"marts:read", "other"}),
        ("scp", "marts:read", {"marts:read"}),
        ("roles", [], set()),
    ],
)
def test_scopes_are_a_text_or_a_list(gate: Gate, claim: str, value: Any, scopes: set[str]) -> None:
    assert claims_of(gate, {"scope": ABSENT, claim: value}, scope_claim=claim).scopes == scopes


def test_scopes_are_mapped_and_nothing_else_of_theirs_counts(gate: Gate) -> None:
    mapping = {"Marts Reader": ["marts:read"], "All": ["marts:read", "runs:read"]}
    setting: dict[str, Any] = {"scope_claim": "roles", "scopes": mapping}
    assert claims_of(gate, {"roles": ["Marts Reader", "x"]}, **setting).scopes == {"marts:read"}
    assert claims_of(gate, {"roles": ["All"]}, **setting).scopes == {"marts:read", "runs:read"}
    assert claims_of(gate, {"roles": ["marts:read", "runs:read"]}, **setting).scopes == set()


@pytest.mark.parametrize("value", [ABSENT, None, "", 1, {}, {"marts:read": 1}, ["a", 1], [["a"]], " x"])
def test_scopes_of_another_shape_are_refused(gate: Gate, value: Any) -> None:
    refused(gate, {"scope": value}, "list of scopes")


def test_a_scope_that_there_is_not_is_said_at_the_start() -> None:
    (issuer,) = read_issuers(
        json.dumps([{"issuer": THEIRS, "audience": "x", "scopes": {"read": ["mart:read"]}}])
    )
    with pytest.raises(
        ConfigurationError, match=r"APP_TRUSTED_ISSUERS.*login\.example.*'mart:read'.*marts:read"
    ):
        ExternalProfile(issuer)


def test_a_token_without_jti_is_known_by_what_is_signed(gate: Gate) -> None:
    verifier = make_verifier(gate)
    token = their_forger().token(claims={"jti": ABSENT})
    message, _, signature = token.rpartition(".")
    raw = decode(signature)
    mirrored = raw[:32] + (P256_ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    jti = verifier.verify(token, NOW).jti
    assert verifier.verify(f"{message}.{encode(mirrored)}", NOW).jti == jti
    assert jti.startswith("sha256:")
    assert len(jti) == len("sha256:") + 43
    other = their_forger().token(claims={"jti": ABSENT, "exp": int(NOW) + 601})
    assert verifier.verify(other, NOW).jti != jti


@pytest.mark.parametrize("value", [None, "", 1, ["x"], "x" * 256])
def test_a_jti_that_is_there_is_a_name(gate: Gate, value: Any) -> None:
    refused(gate, {"jti": value}, "claim jti is not a name")


def test_a_token_of_ours_needs_its_jti_still(gate: Gate) -> None:
    with pytest.raises(InvalidToken, match="claim jti"):
        make_verifier(gate).verify(gate.forger.token(claims={"jti": ABSENT}), NOW)


def test_a_revoked_token_of_ours_revokes_none_of_theirs(gate: Gate) -> None:
    """A token is issuer and jti: theirs may be called like ours."""
    trusted = make_verifier(gate)._trust()
    revoking = Trust(trusted.issuers, (), frozenset({f"{ISSUER}#one-of-a-kind"}), frozenset({CLIENT}))
    verifier = Verifier(lambda: revoking)
    assert verifier.verify(their_forger().token(), NOW).jti == "one-of-a-kind"
    with pytest.raises(InvalidToken, match="revoked"):
        verifier.verify(gate.forger.token(), NOW)


@pytest.mark.parametrize("typ", ["JWT", "jwt", "", "id_token", "application/jwt"])
def test_a_plain_jwt_is_refused_unless_it_is_allowed(gate: Gate, typ: str) -> None:
    refused(gate, {}, r"typ at\+jwt", typ=typ)


def test_a_plain_jwt_may_be_allowed(gate: Gate) -> None:
    assert claims_of(gate, {}, {"typ": "JWT"}, token_types=["JWT"]).jti == "one-of-a-kind"
    assert claims_of(gate, {}, {"typ": "JWT"}, token_types=["JWT", "at+jwt"]).jti == "one-of-a-kind"
    refused(gate, {}, r"typ at\+jwt", typ="at+jwt", token_types=["JWT"])


def test_a_plain_jwt_of_ours_is_refused_even_then(gate: Gate) -> None:
    with pytest.raises(InvalidToken, match=r"typ at\+jwt"):
        make_verifier(gate, token_types=["JWT"]).verify(gate.forger.token({"typ": "JWT"}), NOW)


@pytest.mark.parametrize(
    "claims",
    [
        {"client_id": ABSENT, "azp": AUDIENCE},
        {"client_id": ABSENT, "azp": "rp", "aud": ["rp", AUDIENCE]},
        {"client_id": AUDIENCE},
        {"client_id": "app", "azp": AUDIENCE},
        {"nonce": "n"},
        {"nonce": None},
        {"at_hash": "x"},
        {"c_hash": "x"},
        {"s_hash": "x"},
    ],
)
def test_what_could_be_an_id_token_is_refused(gate: Gate, claims: dict[str, Any]) -> None:
    refused(gate, claims, "is an ID token", typ="JWT", token_types=["JWT"])


def test_an_id_token_without_azp_has_no_client(gate: Gate) -> None:
    refused(gate, {"client_id": ABSENT}, "azp is not a name", typ="JWT", token_types=["JWT"])


def test_claims_of_an_id_token_do_no_harm_in_an_access_token(gate: Gate) -> None:
    assert claims_of(gate, {"nonce": "n", "azp": AUDIENCE}).client_id == f"{THEIRS}#{CLIENT}"


def test_neither_key_verifies_for_the_other_issuer(gate: Gate) -> None:
    verifier = make_verifier(gate)
    for token in (
        their_forger().token(claims={"iss": ISSUER}),
        gate.forger.token(claims={"iss": THEIRS}),
    ):
        with pytest.raises(InvalidToken, match="key is not trusted"):
            verifier.verify(token, NOW)


def test_only_an_unknown_key_is_told_and_whose_it_would_be(gate: Gate) -> None:
    told: list[str] = []
    verifier = Verifier(make_verifier(gate)._trust, told.append)
    assert verifier.verify(their_forger().token(), NOW).jti == "one-of-a-kind"
    for token in (
        their_forger().token({"typ": "JWT"}),
        their_forger().token(claims={"iss": "https://x.example"}),
    ):
        with pytest.raises(InvalidToken):
            verifier.verify(token, NOW)
    assert told == []
    with pytest.raises(InvalidToken, match="key is not trusted"):
        verifier.verify(their_forger().token({"kid": "new"}), NOW)
    assert told == [THEIRS]
