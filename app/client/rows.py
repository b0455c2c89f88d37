"""Rows of the API as types. A test holds each of them against the OpenAPI document, field by field.

With ``fields=`` a row holds exactly those fields. Money is in nominal US dollars; ``*_known`` count the
movies that a sum is made of.
"""

from typing import Literal, TypedDict

#: What can be ranked by.
Metric = Literal[
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
]
MartName = Literal["year", "genre_year", "company_year", "company_genre_year"]


class Measures(TypedDict):
    """The measures of every mart."""

    releases: int
    budget: int
    budget_known: int
    revenue: int
    revenue_known: int
    profit: int
    profit_known: int
    popularity: float
    popularity_known: int
    avg_popularity: float | None


class GenreKey(TypedDict):
    """A genre as rows name it."""

    genre_id: int
    genre: str
    genre_slug: str


class CompanyKey(TypedDict):
    """A production company as rows name it."""

    company_id: int
    company: str


class InYear(TypedDict):
    """The release year of a row."""

    year: int


class Ranked(TypedDict):
    """The place of a row within its year; ties share it."""

    rank: int


class YearRow(InYear, Measures):
    """A release year."""


class GenreRow(GenreKey, InYear, Measures):
    """A genre in a year."""


class GenreTotal(GenreKey, Measures):
    """A genre over the years (``rollup="years"``)."""


class CompanyRow(CompanyKey, InYear, Measures):
    """A production company in a year."""


class CompanyTotal(CompanyKey, Measures):
    """A production company over the years (``rollup="years"``)."""


class CompanyGenreRow(CompanyKey, GenreKey, InYear, Measures):
    """A production company's genre in a year."""


class CompanyGenreTotal(CompanyKey, GenreKey, Measures):
    """A production company's genre over the years (``rollup="years"``)."""


class GenreRank(InYear, Ranked, GenreKey, Measures):
    """A genre's place within a year."""


class CompanyRank(InYear, Ranked, CompanyKey, Measures):
    """A production company's place within a year."""


class Genre(TypedDict):
    """A genre."""

    id: int
    name: str
    slug: str
    first_year: int
    last_year: int
    releases: int


class Company(TypedDict):
    """A production company."""

    id: int
    name: str
    first_year: int
    last_year: int
    releases: int


class DeliveryFile(TypedDict):
    """A file of a delivery."""

    path: str
    size: int
    sha256: str


class Run(TypedDict):
    """A run: what was delivered, and what became of it."""

    run_id: str
    status: Literal["published", "superseded", "held", "failed"]
    reason: str | None
    as_of: str | None
    created_at: str
    published_at: str | None
    rows: int
    accepted: int
    rejects: dict[str, int]
    without: dict[str, int]
    tables: dict[str, int]
    files: list[DeliveryFile]
    engine: str


class Change(TypedDict):
    """A row that differs between two runs; ``before`` is None where it is new, ``after`` where it is gone."""

    mart: MartName
    key: dict[str, int | str]
    before: Measures | None
    after: Measures | None
