"""Tokens that were changed a little at random, the same in every run."""

from collections.abc import Iterator, Sequence
from random import Random

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LETTERS = ALPHABET + ".=+/ \0\u00e9"


def mutants(tokens: Sequence[str], count: int, seed: int = 20) -> Iterator[str]:
    """Yield so many texts that are none of the tokens: characters replaced, parts moved, swapped and lost."""
    random = Random(seed)  # noqa: S311 - noise, the same in every run
    made = 0
    while made < count:
        mutant = _mutant(random.choice(tokens), random.choice(tokens), random)
        if mutant not in tokens:
            made += 1
            yield mutant


def _mutant(token: str, other: str, random: Random) -> str:
    kind = random.randrange(5)
    start, end = sorted(random.randrange(len(token) + 1) for _ in range(2))
    if kind == 0:  # one character, which keeps the shape and often the JSON
        place = random.randrange(len(token))
        return token[:place] + random.choice(ALPHABET) + token[place + 1 :]
    if kind == 1:  # segments of two tokens
        return ".".join(random.choice(pair) for pair in zip(token.split("."), other.split("."), strict=True))
    if kind == 2:  # segments in another order, or twice
        return ".".join(random.choices(token.split("."), k=random.randrange(1, 6)))
    noise = "".join(random.choice(LETTERS) for _ in range(random.randrange(4)))
    patch = random.choice([noise, other[start:end], token[end : end + 3]])
    return token[:start] + patch + token[random.choice([start, start + 1, end]) :]
