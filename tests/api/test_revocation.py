"""Revocations over real sockets: every worker of a server refuses within a second (RFC 7009)."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.auth.forge import decode, encode
from tests.support.audited import audited
from tests.support.program import command
from tests.support.server import Server, credentials, serving, token

WITHIN_S = 1.0
#: Connections, a new one for each request: both workers are among those that answer.
TIMES = 24
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    home = tmp_path_factory.mktemp("revocation")
    with serving(home, "--workers", "2") as running:
        yield running, home


def statuses(url: str, bearer: str) -> set[int]:
    """Ask so often, each time on a connection of its own."""

    def ask(_: int) -> int:
        return httpx.get(f"{url}/v1/runs", headers={"Authorization": f"Bearer {bearer}"}).status_code

    with ThreadPoolExecutor(4) as threads:
        return set(threads.map(ask, range(TIMES)))


def mirrored(text: str) -> str:
    """Return the other signature of the same key over the same token: (r, n-s), which anybody can make."""
    message, _, signature = text.rpartition(".")
    raw = decode(signature)
    return (
        f"{message}.{encode(raw[:32] + (P256_ORDER - int.from_bytes(raw[32:], 'big')).to_bytes(32, 'big'))}"
    )


def test_a_revoked_token_is_refused_by_every_worker_in_every_spelling(server: tuple[Server, Path]) -> None:
    running, home = server
    client = credentials(home)
    kept, lost = token(running.url, client), token(running.url, client)
    assert statuses(running.url, lost) == statuses(running.url, mirrored(lost)) == {200}
    httpx.post(f"{running.url}/oauth/revoke", data={"token": mirrored(lost)}, auth=client).raise_for_status()
    time.sleep(WITHIN_S)
    assert statuses(running.url, lost) == statuses(running.url, mirrored(lost)) == {401}
    assert statuses(running.url, kept) == {200}


def test_a_revoked_client_has_no_live_token_and_gets_none(server: tuple[Server, Path]) -> None:
    running, home = server
    client, other = credentials(home), credentials(home)
    lost, kept = token(running.url, client), token(running.url, other)
    assert statuses(running.url, lost) == {200}
    assert command(home, "clients", "revoke", client[0]).status == 0
    time.sleep(WITHIN_S)
    assert statuses(running.url, lost) == {401}
    assert statuses(running.url, kept) == {200}
    for _ in range(4):
        refused = httpx.post(
            f"{running.url}/oauth/token", data={"grant_type": "client_credentials"}, auth=client
        )
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
        seen = httpx.post(f"{running.url}/oauth/introspect", data={"token": lost}, auth=other)
        assert seen.json() == {"active": False}
    (line,) = [line for line in audited(home, "client.revoked") if line["client_id"] == client[0]]
    assert line["name"] == "test"


def test_secrets_and_keys_rotate_unnoticed(server: tuple[Server, Path]) -> None:
    running, home = server
    client = credentials(home)
    before = token(running.url, client)
    rotated = json.loads(command(home, "clients", "rotate", client[0], "--json").stdout)["client_secret"]
    assert command(home, "keys", "rotate", "--algorithm", "RS256").status == 0
    until = time.monotonic() + 3
    while time.monotonic() < until:
        for secret in (client[1], rotated):
            assert statuses(running.url, token(running.url, (client[0], secret))) == {200}
    assert statuses(running.url, before) == {200}
