"""Tokens with something wrong in them: many to begin with, a million of them by ``make soak``.

They go through the real gate, the whole of what a request meets: nothing but a 401 may come of them.
"""

import asyncio
import os
from typing import Any

import pytest

from app.auth.bearer import credentials
from app.auth.clients import create_client
from app.auth.errors import BearerError, InvalidToken
from app.auth.gate import Gate
from app.auth.keyring import rotate
from app.auth.limits import Limits
from app.auth.service import Auth
from tests.auth.mutants import mutants

TOKENS = int(os.environ.get("SOAK_TOKENS", "5000"))


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_no_noise_is_let_in_or_breaks_anything(auth: Auth, algorithm: Any) -> None:
    signs_from = rotate(auth.engine, algorithm).signs_from.timestamp()
    auth.watcher.refresh()
    client = create_client(auth.engine, "demo", ["marts:read"]).client
    token, other = (auth.issue(client, now=signs_from).access_token for _ in range(2))
    good = {token, other}
    gate = Gate(auth.verifier, Limits())
    refused: dict[str, int] = {}

    async def admit(text: str) -> str:
        values = [b"Bearer " + text.encode("latin-1")]
        assert credentials(values, b"") == values[0]
        return (await gate.admit(values, b"", "marts:read")).client_id

    async def all_of_it() -> None:
        assert {await admit(text) for text in good} == {client.client_id}
        for text in mutants([token, other], TOKENS // 2):
            with pytest.raises(InvalidToken) as caught:
                await admit(text)
            refused[caught.value.message] = refused.get(caught.value.message, 0) + 1

    asyncio.run(all_of_it())
    assert sum(refused.values()) == TOKENS // 2
    assert len(refused) > 8, "the noise reaches every check"
    assert issubclass(InvalidToken, BearerError)
    assert InvalidToken("").status == 401
