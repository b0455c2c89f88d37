"""A secret and a token that must not be seen again, and what of them to look for."""

#: Characters of each part that nobody can guess: more than chance brings about.
_SHOWN = 12


def unguessable(secret: str, token: str) -> list[str]:
    """Return the beginnings of a client secret's random part and of a token's claims and signature."""
    _, _, random = secret.split("_", 2)
    _, claims, signature = token.split(".")
    return [part[:_SHOWN] for part in (random, claims, signature)]


def lines_with(text: str, parts: list[str]) -> list[str]:
    """Return the lines that give something away."""
    return [line for line in text.splitlines() if any(part in line for part in parts)]
