"""A small world of movies for the API's tests, and the marts they make, worked out in plain Python.

Numbers are chosen so that sums tie, means tie half way, names collide, sort in surprising places or are null.
Popularity is in millionths, as the tables store it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import product
from typing import Any

Row = dict[str, Any]

#: Ids of one genre are the names of another, slugs of one the name of a third.
GENRES = {
    18: ("Drama", "drama"),
    35: ("Comedy", "comedy"),
    5: ("18", "18"),
    7: ("drama", "drama-7"),
    878: ("Science Fiction", "science-fiction"),
    99: ("Été", "ete"),
}
#: Names sort by code point: capitals before small letters, accents and astral characters after both.
COMPANIES = {
    1: "Zenith",
    2: "apple",
    3: "Éclair",
    4: "\N{MATHEMATICAL DOUBLE-STRUCK CAPITAL A}stral",
    5: "\N{FULLWIDTH TILDE}Wave",
    6: "Twin",
    9_000_000_000_000_001: "Twin",
    12: 'Quote "&, =HYPERLINK()',
    13: "50% + a_b",
}
#: Names without case and accents, written by hand.
SEARCH_KEYS = {
    "Drama": "drama",
    "Comedy": "comedy",
    "18": "18",
    "drama": "drama",
    "Science Fiction": "science fiction",
    "Été": "ete",
    "Zenith": "zenith",
    "apple": "apple",
    "Éclair": "eclair",
    "\N{MATHEMATICAL DOUBLE-STRUCK CAPITAL A}stral": "astral",
    "\N{FULLWIDTH TILDE}Wave": "~wave",
    "Twin": "twin",
    'Quote "&, =HYPERLINK()': 'quote "&, =hyperlink()',
    "50% + a_b": "50% + a_b",
}
KEYS = {
    "year": ("year",),
    "genre_year": ("genre_id", "year"),
    "company_year": ("company_id", "year"),
    "company_genre_year": ("company_id", "genre_id", "year"),
}
MEASURES = (
    "releases",
    "budget",
    "budget_known",
    "revenue",
    "revenue_known",
    "profit",
    "profit_known",
    "popularity",
    "popularity_known",
    "avg_popularity",
)


@dataclass(frozen=True)
class Movie:
    """A movie as the marts see it; None is unknown."""

    year: int
    genres: tuple[int, ...]
    companies: tuple[int, ...]
    budget: int | None = None
    revenue: int | None = None
    popularity: int | None = None


MOVIES = (
    Movie(1995, (18,), (1,), 100, 300, 3),
    Movie(1995, (18, 35), (1, 2), 50, 50, 2),
    Movie(1995, (35,), (2,), None, 300, None),
    Movie(1995, (878,), (3, 4), 10**12, 10**12, 1_000_000_000_000),
    Movie(1996, (18, 7), (1, 6), 200, 100, 1),
    Movie(1996, (35,), (6,), 100, None, 4),
    Movie(1996, (5, 99), (9_000_000_000_000_001,), 1, 2, None),
    Movie(1997, (18,), (1,), 70, 80, 2),
    Movie(1997, (99,), (5, 12), None, None, None),
    Movie(1997, (7,), (13,), None, None, 5),
    Movie(1998, (18, 35, 878, 99, 5, 7), (1, 2, 3, 4, 5, 6), 300, 300, 1_500_001),
    Movie(1998, (), (), 7, 9, 11),
    Movie(2000, (35,), (2,), 5, 4, 1_500_001),
    Movie(2000, (878,), (12,), 5, 4, 1_500_001),
)
#: The next delivery: one movie corrected, one gone, one new.
LATER = (
    *(movie for movie in MOVIES if movie.year not in {1996, 2000}),
    Movie(1996, (18, 7), (1, 6), 200, 101, 1),
    Movie(1996, (35,), (6,), 100, None, 4),
    Movie(1999, (35,), (13,), 1, 1, 1),
    Movie(2000, (878,), (12,), 5, 4, 1_500_001),
)


def mart(name: str, movies: Sequence[Movie]) -> list[Row]:
    """Return a mart's rows by key, popularity in millionths."""
    groups: dict[tuple[int, ...], list[Movie]] = {}
    for movie in movies:
        for key in _keys(name, movie):
            groups.setdefault(key, []).append(movie)
    return [dict(zip(KEYS[name], key, strict=True)) | measures(groups[key]) for key in sorted(groups)]


def _keys(name: str, movie: Movie) -> Iterator[tuple[int, ...]]:
    values = {"year": [movie.year], "genre_id": movie.genres, "company_id": movie.companies}
    return product(*(values[column] for column in KEYS[name]))


def measures(movies: Iterable[Movie]) -> Row:
    """Return the measures of a group of movies."""
    group = list(movies)
    budgets = [movie.budget for movie in group if movie.budget is not None]
    revenues = [movie.revenue for movie in group if movie.revenue is not None]
    profits = [
        movie.revenue - movie.budget
        for movie in group
        if movie.revenue is not None and movie.budget is not None
    ]
    popularities = [movie.popularity for movie in group if movie.popularity is not None]
    return {
        "releases": len(group),
        "budget": sum(budgets),
        "budget_known": len(budgets),
        "revenue": sum(revenues),
        "revenue_known": len(revenues),
        "profit": sum(profits),
        "profit_known": len(profits),
        "popularity": sum(popularities),
        "popularity_known": len(popularities),
        "avg_popularity": mean(sum(popularities), len(popularities)),
    }


def mean(total: int, count: int) -> int | None:
    """Return ``total / count`` half-even, None where there is nothing to divide by."""
    if not count:
        return None
    return int((Decimal(total) / count).to_integral_value(rounding=ROUND_HALF_EVEN))


def shown(row: Mapping[str, Any]) -> Row:
    """Return a row as the API shows it: names beside ids, millionths as numbers."""
    named: Row = {}
    for name, value in row.items():
        named[name] = value
        if name == "genre_id":
            named["genre"], named["genre_slug"] = GENRES[value]
        if name == "company_id":
            named["company"] = COMPANIES[value]
    for name in ("popularity", "avg_popularity"):
        if named.get(name) is not None:
            named[name] = float(Decimal(named[name]).scaleb(-6))
    return named


def stored(name: str, movies: Sequence[Movie]) -> list[Row]:
    if name in KEYS:
        return mart(name, movies)
    genres = sorted({genre for movie in movies for genre in movie.genres})
    companies = sorted({company for movie in movies for company in movie.companies})
    if name == "genre":
        return [
            {
                "id": id_,
                "name": GENRES[id_][0],
                "slug": GENRES[id_][1],
                "search_key": SEARCH_KEYS[GENRES[id_][0]],
            }
            for id_ in genres
        ]
    return [
        {"id": id_, "name": COMPANIES[id_], "search_key": SEARCH_KEYS[COMPANIES[id_]]} for id_ in companies
    ]
