"""Names and slugs of genres and production companies.

Chosen where the contract is silent: a slug neither begins nor ends with ``-``, and marks are the characters
of Unicode category M. A slug made with ``-<id>`` is not looked at again, even if it meets another one.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable


def names(members: Iterable[dict[int, str]]) -> dict[int, str]:
    """The smallest name by code point of each id."""
    smallest: dict[int, str] = {}
    for names_of_movie in members:
        for key, name in names_of_movie.items():
            smallest[key] = min(name, smallest.get(key, name))
    return smallest


def slugs(names_by_id: dict[int, str]) -> dict[int, str]:
    """The slug of each id; an empty one, or one that ids share, gets ``-<id>``."""
    plain = {key: slug(name) for key, name in names_by_id.items()}
    count = Counter(plain.values())
    return {key: text if text and count[text] == 1 else f"{text}-{key}" for key, text in plain.items()}


def slug(name: str) -> str:
    """NFKD without marks, lower case, runs of non-alphanumerics to ``-``."""
    decomposed = unicodedata.normalize("NFKD", name)
    base = "".join(char for char in decomposed if not unicodedata.category(char).startswith("M"))
    words = "".join(char if char.isalnum() else " " for char in base.lower())
    return "-".join(word for word in words.split(" ") if word)
