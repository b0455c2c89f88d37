"""``APP_TRUSTED_ISSUERS``: what is wrong with it is said at the start, all of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.settings.issuers import read_issuers
from tests.cli.conftest import Inside, document, one_line

GOOD = {"issuer": "https://login.example/tenant/", "audience": "movie-marts"}


def test_an_issuer_needs_two_members_only() -> None:
    (issuer,) = read_issuers(json.dumps([GOOD]))
    assert issuer.issuer == "https://login.example/tenant/", "as it is written: tokens say it so"
    assert issuer.algorithms == {"RS256", "ES256"}
    assert issuer.token_types == {"at+jwt"}
    assert issuer.scope_claim == "scope"
    assert (issuer.jwks_url, issuer.client_claim, issuer.scopes) == (None, None, None)


@pytest.mark.parametrize("text", ["", "[]"])
def test_nobody_else_is_trusted_by_default(text: str) -> None:
    assert read_issuers(text) == ()


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example",
        "https://a.example:8443/x",
        "http://127.0.0.1:9",
        "http://[::1]/x",
        "http://localhost",
    ],
)
def test_keys_travel_by_https_or_inside_this_machine(url: str) -> None:
    (issuer,) = read_issuers(json.dumps([{**GOOD, "issuer": url, "jwks_url": url}]))
    assert (issuer.issuer, issuer.jwks_url) == (url, url)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"issuer": "http://login.example"}, "0.issuer: must be https"),
        ({"issuer": "http://127.0.0.1.example"}, "0.issuer: must be https"),
        ({"issuer": "http://10.0.0.1"}, "0.issuer: must be https"),
        ({"issuer": "login.example"}, "0.issuer: must be an https URL"),
        ({"issuer": "https://"}, "0.issuer: must be an https URL"),
        ({"issuer": "https://a b.example"}, "0.issuer: must be an https URL"),
        ({"issuer": "https://\u00e4.example"}, "0.issuer: must be an https URL"),
        ({"issuer": "https://u@login.example"}, "0.issuer: must be a URL without user"),
        ({"issuer": "https://login.example?x"}, "0.issuer: must be a URL without user, query"),
        ({"issuer": "https://login.example#"}, "0.issuer: must be a URL without user, query"),
        ({"issuer": "https://login.example:x"}, "0.issuer: Port could not be cast"),
        ({"issuer": 1}, "0.issuer: Input should be a valid string"),
        ({"jwks_url": "ftp://login.example/keys"}, "0.jwks_url: must be an https URL"),
        ({"audience": ""}, "0.audience: String should have at least 1 character"),
        ({"algorithms": []}, "0.algorithms: Frozenset should have at least 1 item"),
        ({"algorithms": ["HS256"]}, "0.algorithms.0: Input should be 'RS256' or 'ES256'"),
        ({"algorithms": ["none"]}, "0.algorithms.0: Input should be 'RS256' or 'ES256'"),
        ({"token_types": ["id_token"]}, "0.token_types.0: Input should be 'at+jwt' or 'JWT'"),
        ({"scopes": {"read": "marts:read"}}, "0.scopes.read: Input should be a valid array"),
        ({"client_claim": "aud"}, "0: client_claim 'aud' does not name a client"),
        ({"client_claim": "sub", "token_types": ["JWT"]}, "client_claim 'sub' needs token type at+jwt"),
        ({"audience": 1, "colour": "red"}, "0.audience: Input should be a valid string; 0.colour: Extra"),
    ],
)
def test_a_fault_is_said_with_its_place(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        read_issuers(json.dumps([{**GOOD, **changes}]))
    assert said in str(caught.value)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match=r"^0\.audience: Field required; 1\.issuer: Field required$"):
        read_issuers(json.dumps([{"issuer": GOOD["issuer"]}, {"audience": "x"}]))


def test_an_issuer_stands_there_once() -> None:
    with pytest.raises(ValueError, match=r"twice: https://login\.example/tenant/$"):
        read_issuers(json.dumps([GOOD, GOOD]))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("https://login.example", "'https://login.example': Invalid JSON"),
        ('{"issuer":"x"}', "Input should be a valid array"),
        (json.dumps([{**GOOD, "issuer": "http://login.example"}]), "0.issuer: must be https"),
        (json.dumps([{**GOOD, "issuer": "http://localhost:8000"}]), "must not name APP_ISSUER"),
    ],
)
def test_the_program_does_not_start_with_a_fault(
    tmp_path: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.setenv("APP_TRUSTED_ISSUERS", value)
    line = one_line(inside(tmp_path, "config", "show"), 2)
    assert "APP_TRUSTED_ISSUERS is " in line
    assert said in line


def test_the_setting_is_shown_as_it_is(
    tmp_path: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_TRUSTED_ISSUERS", json.dumps([GOOD]))
    rows = {row["name"]: row["value"] for row in document(inside(tmp_path, "config", "show", "--json"))}
    assert json.loads(rows["APP_TRUSTED_ISSUERS"]) == [GOOD]
