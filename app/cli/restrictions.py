"""Restrictions of clients as they are given on the command line, checked."""

from collections.abc import Sequence
from typing import Annotated

import typer
from sqlalchemy import select

from app.cli.stores import catalogue
from app.errors import ConfigurationError, near_miss
from app.marts.definitions import GENRE, MARTS, PRODUCTION_COMPANY
from app.marts.restrictions import MOST_MEMBERS, Restrictions
from app.marts.tables import DIMENSION_TABLES
from app.warehouse import runs

_MARTS = tuple(mart.name for mart in MARTS)
#: The largest id that a delivery may have.
_MAX_ID = 10**18 - 1

OnlyMart = Annotated[
    list[str] | None,
    typer.Option(metavar="MART", help=f"May read this mart; repeatable: {', '.join(_MARTS)}."),
]
OnlyGenre = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GENRE", help="May read this genre, by id or by slug of the published run; repeatable."
    ),
]
OnlyCompany = Annotated[
    list[int] | None,
    typer.Option(metavar="ID", min=0, max=_MAX_ID, help="May read this production company; repeatable."),
]


def chosen(
    marts: Sequence[str] | None, genres: Sequence[str] | None, companies: Sequence[int] | None
) -> Restrictions | None:
    """Return the restrictions that options stand for, None where there are none.

    Raises:
        ConfigurationError: a mart or a genre does not exist, there are too many members, or a mart lacks a
            dimension whose members are named.
        NothingPublished: a slug was given, and no run has genres to look it up in.
    """
    members = {
        GENRE.name: _genres(genres or ()),
        PRODUCTION_COMPANY.name: tuple(sorted(set(companies or ()))),
    }
    given = tuple((name, ids) for name, ids in members.items() if ids)
    if not marts and not given:
        return None
    for name, ids in given:
        if len(ids) > MOST_MEMBERS:
            raise ConfigurationError(f"{len(ids)} of the dimension {name}", f"name at most {MOST_MEMBERS}")
    for mart in marts or ():
        _check_mart(mart, Restrictions(None, given))
    return Restrictions(tuple(sorted(set(marts))) if marts else None, given)


def _check_mart(name: str, restrictions: Restrictions) -> None:
    if name not in _MARTS:
        raise ConfigurationError(f"no mart {name!r}", near_miss(name, _MARTS))
    able = [mart.name for mart in restrictions.readable]
    if name not in able:
        restricted = " or ".join(dimension for dimension, _ in restrictions.members)
        raise ConfigurationError(
            f"the mart {name} cannot be kept to some members of {restricted}", f"one of: {', '.join(able)}"
        )


def shown(restrictions: dict[str, list[object]] | None) -> str | None:
    """Return a client's restrictions as people read them, None where there are none."""
    if restrictions is None:
        return None
    return "; ".join(f"{name}: {', '.join(map(str, values))}" for name, values in restrictions.items())


def _genres(words: Sequence[str]) -> tuple[int, ...]:
    slugs = {} if all(map(_is_id, words)) else _slugs()
    return tuple(sorted({int(word) if _is_id(word) else _of_slug(word, slugs) for word in words}))


def _is_id(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= len(str(_MAX_ID))


def _slugs() -> dict[str, int]:
    table = DIMENSION_TABLES[GENRE.name]
    with catalogue() as connection:
        run = runs.published(connection)
        rows = connection.execute(select(table.c.slug, table.c.id).where(table.c.run == run.seq))
        return dict(tuple(row) for row in rows)


def _of_slug(word: str, slugs: dict[str, int]) -> int:
    if word not in slugs:
        raise ConfigurationError(f"no genre {word!r} in the published run", near_miss(word, slugs))
    return slugs[word]
