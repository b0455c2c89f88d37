"""Tokens with something wrong in them: many to begin with, a million of them by ``make soak``.

They go through the real gate, the whole of what a request meets: nothing but a 401 may come of them.
"""

import asyncio
import json
import os
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from app.auth.bearer import credentials
from app.auth.clients import create_client
from app.auth.errors import BearerError, InvalidToken
from app.auth.gate import Gate
from app.auth.keyring import rotate
from app.auth.limits import Limits
from app.auth.service import Auth
from tests.auth.forge import decode, encode

TOKENS = int(os.environ.get("SOAK_TOKENS", "5000"))
SEED = 20
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \0\t\u00e9"
VALUES: list[Any] = [None, True, 0, -1, 1e308, "", "none", "HS256", "\0", "x" * 300, [], {}, [[]], "at+jwt"]
Mutation = Callable[[Random, str, str], str]


def spliced(random: Random, token: str, other: str) -> str:
    """Replace a piece by noise, by the same piece of another token, or by a piece of its own."""
    start, end = sorted(random.randrange(len(token) + 1) for _ in range(2))
    noise = "".join(random.choice(LETTERS) for _ in range(random.randrange(4)))
    return token[:start] + random.choice([noise, other[start:end], token[end:]]) + token[end:]


def one_letter(random: Random, token: str, other: str) -> str:
    """Change, drop or add one letter."""
    at = random.randrange(len(token))
    return token[:at] + random.choice(["", random.choice(LETTERS)]) + token[at + random.randrange(2) :]


def one_bit(random: Random, token: str, other: str) -> str:
    """Turn one bit of the bytes that a segment stands for."""
    segments = token.split(".")
    which = random.randrange(3)
    raw = bytearray(decode(segments[which]))
    raw[random.randrange(len(raw))] ^= 1 << random.randrange(8)
    segments[which] = encode(bytes(raw))
    return ".".join(segments)


def one_member(random: Random, token: str, other: str) -> str:
    """Change, drop or add a member of the header or of the claims, and keep the signature."""
    segments = token.split(".")
    which = random.randrange(2)
    document = json.loads(decode(segments[which]))
    name = random.choice([*document, "crit", "jku", "jwk", "nbf", "x"])
    if random.randrange(3):
        document[name] = random.choice(VALUES)
    else:
        document.pop(name, None)
    segments[which] = encode(json.dumps(document).encode())
    return ".".join(segments)


def swapped(random: Random, token: str, other: str) -> str:
    """Put segments of two tokens together, each anywhere."""
    return ".".join(random.choice([*token.split("."), *other.split(".")]) for _ in range(3))


MUTATIONS: list[Mutation] = [spliced, one_letter, one_bit, one_member, swapped]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_no_noise_is_let_in_or_breaks_anything(auth: Auth, algorithm: Any) -> None:
    signs_from = rotate(auth.engine, algorithm).signs_from.timestamp()
    auth.watcher.refresh()
    client = create_client(auth.engine, "demo", ["marts:read"]).client
    token, other = (auth.issue(client, now=signs_from).access_token for _ in range(2))
    good = {token, other}
    gate, random = Gate(auth.verifier, Limits()), Random(SEED)  # noqa: S311 - noise, the same in every run
    refused: dict[str, int] = {}

    async def admit(text: str) -> str:
        values = [b"Bearer " + text.encode("latin-1")]
        assert credentials(values, b"") == values[0]
        return (await gate.admit(values, b"", "marts:read")).client_id

    async def all_of_it() -> None:
        assert {await admit(text) for text in good} == {client.client_id}
        for _ in range(TOKENS // 2):
            text = random.choice(MUTATIONS)(random, token, other)
            # What HTTP trims is no difference.
            if text.strip(" ") in good:
                continue
            with pytest.raises(InvalidToken) as caught:
                await admit(text)
            refused[caught.value.message] = refused.get(caught.value.message, 0) + 1

    asyncio.run(all_of_it())
    assert sum(refused.values()) > TOKENS // 2 * 0.9
    assert len(refused) > 8, "the noise reaches every check"
    assert issubclass(InvalidToken, BearerError)
    assert InvalidToken("").status == 401
