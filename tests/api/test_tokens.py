"""Bad tokens over HTTP: 401 ``invalid_token`` on every path, whatever is wrong, and never a 5xx."""

import json
from collections import Counter

import pytest

from tests.api.conftest import SECOND
from tests.auth.forge import decode, encode
from tests.auth.mutants import mutants
from tests.support.http import Api

PATHS = (
    "/v1/aggregates/years",
    "/v1/aggregates/years?format=csv&limit=all",
    "/v1/runs",
    f"/v1/runs/{SECOND}",
)
MUTANTS = 1000


def spoilt(token: str, **changes: object) -> str:
    """Return the token with another header and the signature that it had."""
    header, rest = token.split(".", 1)
    return f"{encode(json.dumps({**json.loads(decode(header)), **changes}).encode())}.{rest}"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "changes",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"kid": "../../etc/passwd"},
        {"kid": "k" * 10_000},
        {"typ": "JWT"},
        {"jku": "http://127.0.0.1/keys"},
        {"crit": ["exp"]},
        {"x": 1},
    ],
)
def test_a_spoilt_token_is_refused_on_every_path(api: Api, path: str, changes: dict[str, object]) -> None:
    assert api.get(path).status_code == 200
    assert api.token is not None
    headers = {"Authorization": f"Bearer {spoilt(api.token, **changes)}"}
    answer = api.get(path, headers=headers)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert "passwd" not in answer.text


def test_mutated_tokens_are_refused_and_break_nothing(api: Api) -> None:
    assert api.token is not None
    good = [api.token, spoilt(api.token, x=1)]
    statuses = Counter(
        api.get(PATHS[0], headers={"Authorization": b"Bearer " + mutant.encode()}).status_code  # type: ignore[dict-item]  # as bytes, for letters beyond ASCII
        for mutant in mutants(good, MUTANTS)
    )
    assert statuses == {401: MUTANTS}
    assert api.get(PATHS[0]).status_code == 200
