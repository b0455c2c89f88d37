"""Tokens that were changed a little at random, the same in every run."""

import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from tests.auth.forge import decode, encode

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LETTERS = ALPHABET + ".=+/ \0\t\u00e9"
VALUES: list[Any] = [None, True, 0, -1, 1e308, "", "none", "HS256", "\0", "x" * 300, [], {}, [[]], "at+jwt"]
Mutation = Callable[[Random, str, str], str]


def mutants(tokens: Sequence[str], count: int, seed: int = 20) -> Iterator[str]:
    """Yield so many texts that are none of the tokens, not even once HTTP has trimmed them."""
    random = Random(seed)  # noqa: S311 - noise, the same in every run
    made = 0
    while made < count:
        mutant = random.choice(MUTATIONS)(random, random.choice(tokens), random.choice(tokens))
        if mutant.strip(" \t") not in tokens:
            made += 1
            yield mutant


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


def crossed(random: Random, token: str, other: str) -> str:
    """Put segments of two tokens together, each where it was."""
    return ".".join(random.choice(pair) for pair in zip(token.split("."), other.split("."), strict=True))


def shuffled(random: Random, token: str, other: str) -> str:
    """Put segments of a token in another order, lost or twice."""
    return ".".join(random.choices(token.split("."), k=random.randrange(1, 6)))


MUTATIONS: list[Mutation] = [spliced, one_letter, one_bit, one_member, swapped, crossed, shuffled]
