"""The marts, declared once: dimensions, measures and marts.

Tables, landed files, engines' aggregations, API rows, parameters and docs all derive from this module.
It imports nothing of the program and no engine.

A *movie* is a normalised row of a delivery with the fields of ``MOVIE_FIELDS`` (integers or null; money in
whole US dollars, popularity in millionths) and one value, or one list of ids, per dimension.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

MAX_SUM = 2**63 - 1
POPULARITY_SCALE = 6

ValueType = Literal["integer", "text"]
MatchOn = Literal["key", "slug", "name"]


@dataclass(frozen=True)
class Filter:
    """A repeatable query parameter that selects members of a dimension.

    ``match`` lists what a value is compared with; the first kind that knows the value decides.
    """

    parameter: str
    match: tuple[MatchOn, ...]
    description: str


@dataclass(frozen=True)
class Dimension:
    """Something that measures are grouped by.

    An *entity* dimension comes from a list column, has ids and names of its own, and therefore a table
    ``dim_<name>``; a movie belongs to any number of its members, so sums over it are not additive.
    A plain dimension is one value per movie.
    """

    name: str
    source: str
    key: str
    key_type: ValueType = "integer"
    entity: bool = False
    label: str | None = None
    slug: str | None = None
    collection: str | None = None
    filters: tuple[Filter, ...] = ()

    @property
    def additive(self) -> bool:
        """Whether rows may be summed over this dimension without counting a movie twice."""
        return not self.entity

    @property
    def row_fields(self) -> tuple[str, ...]:
        """Fields of this dimension in an API row: key, then name and slug where it has them."""
        return tuple(field for field in (self.key, self.label, self.slug) if field)


@dataclass(frozen=True)
class Count:
    """Number of movies."""


@dataclass(frozen=True)
class Sum:
    """Sum of a movie field over the movies where it is known; 0 where none is."""

    field: str


@dataclass(frozen=True)
class Known:
    """Number of movies where a field is known."""

    field: str


@dataclass(frozen=True)
class Mean:
    """``total / count`` of two other measures, half-even at the total's scale; null where count is 0."""

    total: str
    count: str


@dataclass(frozen=True)
class Measure:
    """A number of a mart. Stored as an integer in units of ``10 ** -scale``."""

    name: str
    formula: Count | Sum | Known | Mean
    description: str
    unit: str = "movies"
    scale: int = 0

    @property
    def nullable(self) -> bool:
        """Only a mean may be null."""
        return isinstance(self.formula, Mean)


@dataclass(frozen=True)
class Mart:
    """One row per key of the dimensions, in this order, over accepted movies only."""

    name: str
    dimensions: tuple[Dimension, ...]
    path: str
    description: str

    @property
    def key(self) -> tuple[str, ...]:
        """Key columns, in order."""
        return tuple(dimension.key for dimension in self.dimensions)

    @property
    def entities(self) -> tuple[Dimension, ...]:
        """The dimensions that have a table of their own."""
        return tuple(dimension for dimension in self.dimensions if dimension.entity)

    @property
    def slices(self) -> tuple[tuple[Dimension, ...], ...]:
        """What may be fixed while rows are sorted by a measure: any of the dimensions behind the first.

        One member of the first dimension has few rows, which lie together.
        """
        behind = self.dimensions[1:]
        return tuple(fixed for count in range(len(self.dimensions)) for fixed in combinations(behind, count))

    @property
    def additive(self) -> dict[str, bool]:
        """``{dimension: may rows be summed over it}``."""
        return {dimension.name: dimension.additive for dimension in self.dimensions}

    @property
    def ranked(self) -> bool:
        """Whether the mart has one dimension to rank within each year."""
        return len(self.dimensions) == 2 and YEAR in self.dimensions


YEAR = Dimension(name="year", source="release_date", key="year")
GENRE = Dimension(
    name="genre",
    source="genres",
    key="genre_id",
    entity=True,
    label="genre",
    slug="genre_slug",
    collection="genres",
    filters=(Filter("genre", ("key", "slug", "name"), "Genre, tried as id, slug, then name. Repeatable."),),
)
PRODUCTION_COMPANY = Dimension(
    name="production_company",
    source="production_companies",
    key="company_id",
    entity=True,
    label="company",
    collection="production-companies",
    filters=(
        Filter("company_id", ("key",), "Production company by id. Repeatable."),
        Filter("company", ("name",), "Production company by its exact name. Repeatable."),
    ),
)
DIMENSIONS = (YEAR, GENRE, PRODUCTION_COMPANY)
ENTITIES = tuple(dimension for dimension in DIMENSIONS if dimension.entity)

#: Fields of a normalised movie that measures are made of, with their scale.
MOVIE_FIELDS = {"budget": 0, "revenue": 0, "profit": 0, "popularity": POPULARITY_SCALE}

MEASURES = (
    Measure("releases", Count(), "Movies released."),
    Measure("budget", Sum("budget"), "Sum of the known budgets; 0 where none is known.", "USD"),
    Measure("budget_known", Known("budget"), "Movies whose budget is known."),
    Measure("revenue", Sum("revenue"), "Sum of the known revenues; 0 where none is known.", "USD"),
    Measure("revenue_known", Known("revenue"), "Movies whose revenue is known."),
    Measure("profit", Sum("profit"), "Sum of revenue - budget over movies where both are known.", "USD"),
    Measure("profit_known", Known("profit"), "Movies whose budget and revenue are both known."),
    Measure(
        "popularity",
        Sum("popularity"),
        "Sum of popularity, exact to six decimals; 0 where none is known.",
        "points",
        POPULARITY_SCALE,
    ),
    Measure("popularity_known", Known("popularity"), "Movies whose popularity is known."),
    Measure(
        "avg_popularity",
        Mean("popularity", "popularity_known"),
        "popularity / popularity_known, half-even to six decimals; null where none is known.",
        "points",
        POPULARITY_SCALE,
    ),
)

MARTS = (
    Mart("year", (YEAR,), "years", "Measures per release year."),
    Mart("genre_year", (GENRE, YEAR), "genres", "Measures per genre and release year."),
    Mart(
        "company_year",
        (PRODUCTION_COMPANY, YEAR),
        "production-companies",
        "Measures per production company and release year.",
    ),
    Mart(
        "company_genre_year",
        (PRODUCTION_COMPANY, GENRE, YEAR),
        "production-company-genres",
        "Measures per production company, genre and release year: what a studio released by genre.",
    ),
)

#: Columns that a delivery must have: contract section 1. ``id`` and ``title`` identify, the rest feed marts.
REQUIRED_COLUMNS = (
    *("id", "title", "release_date", "budget", "revenue", "popularity"),
    *(dimension.source for dimension in DIMENSIONS if dimension is not YEAR),
)


def measure(name: str) -> Measure:
    """Return the measure of this name; KeyError where there is none."""
    return {item.name: item for item in MEASURES}[name]
