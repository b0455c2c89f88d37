"""Questions to every listing, made up at random: filters, orders, pages, formats, roll-ups."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from app.serving.listings import LISTINGS, Listing

#: What a filter may be given: members of the small world, by id, slug and name, and some that are not in it.
VALUES: Mapping[str, Sequence[str]] = {
    "year": ("1994", "1995", "1996", "2000"),
    "year_from": ("1995", "1996"),
    "year_to": ("1995", "1997"),
    "genre": ("1", "18", "drama", "Drama", "comedy", "35", "nothing"),
    "company": ("Pixar", "Twin", "nobody"),
    "company_id": ("1", "2", "3", "4", "999"),
    "search": ("a", "an", "dra", "twin", "xyz"),
}
FORMATS = ("csv", "ndjson", "arrow")


@dataclass(frozen=True)
class Asked:
    """One question: its path and its query."""

    listing: Listing
    query: str


def questions(seed: int, count: int) -> Iterator[Asked]:
    """Return so many questions, the same ones for one seed."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    for _ in range(count):
        listing = chance.choice(LISTINGS)
        yield Asked(listing, urlencode(list(_parameters(listing, chance))))


def _parameters(listing: Listing, chance: random.Random) -> Iterator[tuple[str, str]]:
    view = chance.choice(list(listing.views))
    if listing.variant and view is not None:
        yield listing.variant.name, view
    names = list(listing.views[view].fields)
    if chance.random() < 0.7:
        chosen = chance.sample(names, min(len(names), chance.randint(1, 3)))
        yield "sort", ",".join(chance.choice(("", "-")) + name for name in chosen)
    if chance.random() < 0.4:
        yield "fields", ",".join(chance.sample(names, chance.randint(1, len(names))))
    for condition in listing.conditions:
        if chance.random() < 0.3:
            values = VALUES[condition.name]
            several = 2 if condition.parameter.repeatable else 1
            yield from ((condition.name, value) for value in chance.sample(values, min(several, len(values))))
    if any(option.name == "top" for option in listing.options) and chance.random() < 0.5:
        yield "top", "3"
    if chance.random() < 0.2:
        yield "limit", "all"
        yield "format", chance.choice(FORMATS)
    else:
        yield "limit", chance.choice(("1", "2", "3", "100"))
