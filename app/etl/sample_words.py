"""Vocabulary of the synthetic delivery: invented words, names, sentences and list cells, always the same.

Lists that rows draw from with Zipf's law (``GENRE_CELLS``) put their most frequent members first.
"""

import random
from functools import cache

_ONSETS = ("b", "br", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "v", "w", "z")
_VOWELS = ("a", "e", "i", "o", "u", "a", "e", "i", "o", "u", "ai", "ea", "ou", "a", "e", "é")
_ENDS = ("", "", "", "", "l", "n", "r", "s")

#: Ids as sparse as those of a real catalogue; the names are ordinary words.
GENRES = {
    18: "Drama",
    35: "Comedy",
    53: "Thriller",
    74: "Love Story",
    28: "Action",
    27: "Horror",
    80: "Crime",
    99: "Non-Fiction",
    12: "Adventure",
    878: "Science & Space",
    5120: "Household",
    9648: "Riddle",
    14: "Fairy Tale",
    16: "Cartoon",
    7769: "World Cinema",
    402: "Music",
    36: "Époque",
    752: "War",
    37: "Frontier",
    770: "Made for TV",
}

_COUNTRIES = {"US": "United States of America", "GB": "United Kingdom", "FR": "France", "JP": "Japan"} | {
    "DE": "Germany",
    "IT": "Italy",
    "CI": "Cote D'Ivoire",
    "CA": "Canada",
}
_LANGUAGES = {"en": "English", "fr": "Français", "it": "Italiano", "ja": "日本語", "de": "Deutsch"} | {
    "es": "Español",
    "pt": "Português",
    "hi": "हिन्दी",
}
LANGUAGES = tuple(_LANGUAGES)

#: What companies are called after their own two words.
_KINDS = (
    *("Pictures", "Films", "Film", "Productions", "Entertainment", "Studios", "Media", "Cinema", "Company"),
    *("Group", "Filmproduktion", "Art Films", "Pictures, Inc.", "Films (LLC)", "TV", "Bros.", "& Sons"),
    *("Animation", "International", "Video", "Cinématographique", "Works", "House", "Film Fund", "Partners"),
    *("Releasing", "Features", "Home Video", "Cinema Group", "Arts", "Stage", "Broadcasting"),
)
#: How dirty names end, each kind for one company in so many, as often as in a real delivery.
_DIRTY_KINDS = {
    113: ("People's Films",),
    853: ('"Nova" Studio',),
    2_011: ('Int\'l "X" Film', "Film\xa0", "\tMedia", "Bros\\", "Film\xa0Unit"),
}


def _dice() -> random.Random:
    return random.Random(20_11)  # noqa: S311 - a vocabulary, not a secret


def _word(dice: random.Random) -> str:
    """Return one invented word; ``getrandbits`` alone is the same on every version of Python."""
    syllables = (_ONSETS, _VOWELS) * (2 + dice.getrandbits(1))
    return "".join(parts[dice.getrandbits(16) % len(parts)] for parts in (*syllables, _ENDS))


@cache
def words() -> tuple[str, ...]:
    """Return 2,048 invented words in lower case."""
    dice = _dice()
    return tuple(_word(dice) for _ in range(2_048))


@cache
def chunks() -> tuple[str, ...]:
    """Return 4,096 runs of seven letters and digits: what file names are made of."""
    dice = _dice()
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return tuple(
        "".join(letters[dice.getrandbits(16) % len(letters)] for _ in range(7)) for _ in range(4_096)
    )


def _sentence(dice: random.Random, number: int) -> str:
    picked = [words()[dice.getrandbits(11)] for _ in range(6 + dice.getrandbits(3))]
    if number % 4 == 0:
        picked[2] += "'s"
        picked[4] += ","
    if number % 50 == 0:
        picked[3] = f'"{picked[3]}"'
    text = " ".join(picked).capitalize() + "."
    return text + "\n" if number % 1_000 == 0 else text


@cache
def sentences() -> tuple[str, ...]:
    """Return 4,096 sentences: a quarter with commas, a few with double quotes, four ending a paragraph."""
    dice = _dice()
    return tuple(_sentence(dice, number) for number in range(1, 4_097))


@cache
def genre_cells() -> tuple[str, ...]:
    """Return 4,096 cells, most frequent first: 32 of one genre, 480 of two, the others of three to six."""
    dice = _dice()
    return tuple(_genre_cell(dice, place) for place in range(4_096))


def _genre_cell(dice: random.Random, place: int) -> str:
    genres = list(GENRES.items())
    size = 1 if place < 32 else 2 if place < 512 else 3 + dice.getrandbits(8) % 4 * dice.getrandbits(1)
    picked = {place % len(genres)} if size == 1 else set[int]()
    while len(picked) < size:
        picked.add(dice.getrandbits(16) % (1 + dice.getrandbits(16) % len(genres)))
    return str([{"id": genres[at][0], "name": genres[at][1]} for at in picked])


def company_cell(number: int) -> str:
    """Return the object of company ``number`` (below 2^17) as delivered; one id in 167 shares its name."""
    named = number ^ 1 if number % 167 == 0 else number
    mixed = named * 0x9E3779B1 % 2**18
    first, second, kind = mixed % 128, mixed // 128 % 64, mixed // 8_192
    suffix = _KINDS[kind]
    for one_in, kinds in _DIRTY_KINDS.items():
        suffix = kinds[named % len(kinds)] if named % one_in == 0 else suffix
    name = f"{words()[first].title()} {words()[1_024 + second].title()} {suffix}"
    return str({"name": name, "id": number + 1})


@cache
def country_cells() -> tuple[str, ...]:
    """Return lists of production countries: none, one or two."""
    objects = [{"iso_3166_1": code, "name": name} for code, name in _COUNTRIES.items()]
    return (
        str([objects[0]]),
        "[]",
        *(str([item]) for item in objects[1:]),
        *(str([item, objects[0]]) for item in objects[1:]),
    )


@cache
def language_cells() -> tuple[str, ...]:
    """Return lists of spoken languages: one, none or two."""
    objects = [{"iso_639_1": code, "name": name} for code, name in _LANGUAGES.items()]
    return (*(str([item]) for item in objects), "[]", *(str([objects[0], item]) for item in objects[1:]))
