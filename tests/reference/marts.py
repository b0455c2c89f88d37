"""The four marts: sums per key over accepted movies."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from tests.reference.movies import Movie

Value = int | Decimal | None
Row = dict[str, Value]
Mart = dict[tuple[int, ...], Row]

#: Mart -> its key columns, in order.
KEYS = {
    "year": ("year",),
    "genre_year": ("genre_id", "year"),
    "company_year": ("company_id", "year"),
    "company_genre_year": ("company_id", "genre_id", "year"),
}

_KEYS_OF_MOVIE: dict[str, Callable[[Movie], list[tuple[int, ...]]]] = {
    "year": lambda movie: [(movie.year,)],
    "genre_year": lambda movie: [(genre, movie.year) for genre in movie.genres],
    "company_year": lambda movie: [(company, movie.year) for company in movie.companies],
    "company_genre_year": lambda movie: [
        (company, genre, movie.year) for company in movie.companies for genre in movie.genres
    ],
}


@dataclass
class _Sums:
    releases: int = 0
    budgets: list[int] = field(default_factory=list)
    revenues: list[int] = field(default_factory=list)
    profits: list[int] = field(default_factory=list)
    popularities: list[Decimal] = field(default_factory=list)

    def add(self, movie: Movie) -> None:
        self.releases += 1
        if movie.budget is not None:
            self.budgets.append(movie.budget)
        if movie.revenue is not None:
            self.revenues.append(movie.revenue)
        if movie.budget is not None and movie.revenue is not None:
            self.profits.append(movie.revenue - movie.budget)
        if movie.popularity is not None:
            self.popularities.append(movie.popularity)

    def row(self) -> Row:
        return {
            "releases": self.releases,
            "budget": sum(self.budgets),
            "budget_known": len(self.budgets),
            "revenue": sum(self.revenues),
            "revenue_known": len(self.revenues),
            "profit": sum(self.profits),
            "profit_known": len(self.profits),
            "popularity": sum(self.popularities, Decimal("0.000000")),
            "popularity_known": len(self.popularities),
            "avg_popularity": mean(self.popularities),
        }


def mean(values: list[Decimal]) -> Decimal | None:
    """The mean, half-even to six decimals; None of nothing."""
    if not values:
        return None
    exact = sum((Fraction(value) for value in values), Fraction(0)) / len(values)
    return Decimal(round(exact * 10**6)).scaleb(-6)  # round() of a Fraction is half-even and exact


def build(movies: Iterable[Movie]) -> dict[str, Mart]:
    """Every mart as ``{key: measures}``: integers, exact decimals of six places, or None."""
    sums: dict[str, dict[tuple[int, ...], _Sums]] = {name: defaultdict(_Sums) for name in KEYS}
    for movie in movies:
        for name, keys in _KEYS_OF_MOVIE.items():
            for key in keys(movie):
                sums[name][key].add(movie)
    return {name: {key: total.row() for key, total in mart.items()} for name, mart in sums.items()}
