"""What listings may be asked, as types. A test holds them against the OpenAPI document, name by name.

``limit`` is the client's own: so many rows in all, however many pages they take.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from app.client.rows import MartName, Metric
from app.client.session import Pairs

Numbers = int | Iterable[int]
Texts = str | Iterable[str]
#: A genre by id, slug or name.
Genres = int | str | Iterable[int | str]
#: Parameters whose several values are one, comma-separated; of any other, each value is one parameter.
JOINED = frozenset({"fields", "sort"})


class ListingQuery(TypedDict, total=False):
    """What every listing knows: ``fields`` and ``sort`` (``"-revenue,year"``), ``limit``, the run."""

    fields: Texts
    sort: Texts
    limit: int | None
    run: str | None


class YearsQuery(ListingQuery, total=False):
    """Rows of some years."""

    year: Numbers
    year_from: int
    year_to: int


class GenresQuery(YearsQuery, total=False):
    """Rows of some genres."""

    genre: Genres


class CompaniesQuery(YearsQuery, total=False):
    """Rows of some production companies: by id, by exact name."""

    company_id: Numbers
    company: Texts


class CompanyGenresQuery(CompaniesQuery, total=False):
    """Rows of some production companies and genres."""

    genre: Genres


class RankingQuery(YearsQuery, total=False):
    """The ``top`` of each year by ``metric``."""

    metric: Metric
    top: int


class DimensionQuery(ListingQuery, total=False):
    """Members whose name holds ``search``, case and accents aside."""

    search: str


class RunsQuery(TypedDict, total=False):
    """What the list of runs knows."""

    fields: Texts
    sort: Texts
    limit: int | None


class ChangesQuery(TypedDict, total=False):
    """What the changes between two runs know."""

    mart: MartName
    fields: Texts
    limit: int | None


def pairs(query: Mapping[str, Any]) -> Pairs:
    """Return the parameters of a request; what is None was not given."""
    return [(name, text) for name, value in query.items() for text in _texts(name, value)]


def _texts(name: str, value: Any) -> list[str]:
    if value is None:
        return []
    values = [str(value)] if isinstance(value, str | int) else [str(item) for item in value]
    # None of several is not all: an empty value is sent, and the server refuses it by name.
    return [",".join(values)] if name in JOINED else values or [""]
