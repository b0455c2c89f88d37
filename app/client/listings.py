"""The listings of the API as methods: aggregates, rankings and dimensions."""

from collections.abc import Mapping
from typing import Any, Literal, Unpack, overload

from app.client import rows
from app.client.listing import Listing
from app.client.queries import (
    CompaniesQuery,
    CompanyGenresQuery,
    DimensionQuery,
    GenresQuery,
    RankingQuery,
    YearsQuery,
    pairs,
)
from app.client.session import Session

Rollup = Literal["years"]
#: Entities that are ranked and listed, as methods and paths spell them.
Entity = Literal["genres", "production_companies"]


class Listings:
    """What can be listed. Every method returns at once; the rows are fetched when they are looked at."""

    def __init__(self, session: Session, run: str | None = None) -> None:
        self._session = session
        self._run = run

    def at(self, run_id: str) -> "Listings":
        """Return the same listings of one kept run, whatever is published."""
        return Listings(self._session, run_id)

    def years(self, **query: Unpack[YearsQuery]) -> Listing[rows.YearRow]:
        """Aggregates by release year."""
        return self._list("aggregates/years", query)

    @overload
    def genres(self, *, rollup: Rollup, **query: Unpack[GenresQuery]) -> Listing[rows.GenreTotal]: ...
    @overload
    def genres(self, **query: Unpack[GenresQuery]) -> Listing[rows.GenreRow]: ...
    def genres(self, *, rollup: Rollup | None = None, **query: Unpack[GenresQuery]) -> Listing[Any]:
        """Aggregates by genre and year, or by genre alone (``rollup="years"``)."""
        return self._list("aggregates/genres", {**query, "rollup": rollup})

    @overload
    def production_companies(
        self, *, rollup: Rollup, **query: Unpack[CompaniesQuery]
    ) -> Listing[rows.CompanyTotal]: ...
    @overload
    def production_companies(self, **query: Unpack[CompaniesQuery]) -> Listing[rows.CompanyRow]: ...
    def production_companies(
        self, *, rollup: Rollup | None = None, **query: Unpack[CompaniesQuery]
    ) -> Listing[Any]:
        """Aggregates by production company and year, or by company alone (``rollup="years"``)."""
        return self._list("aggregates/production-companies", {**query, "rollup": rollup})

    @overload
    def production_company_genres(
        self, *, rollup: Rollup, **query: Unpack[CompanyGenresQuery]
    ) -> Listing[rows.CompanyGenreTotal]: ...
    @overload
    def production_company_genres(
        self, **query: Unpack[CompanyGenresQuery]
    ) -> Listing[rows.CompanyGenreRow]: ...
    def production_company_genres(
        self, *, rollup: Rollup | None = None, **query: Unpack[CompanyGenresQuery]
    ) -> Listing[Any]:
        """Aggregates by production company, genre and year, or without the year (``rollup="years"``)."""
        return self._list("aggregates/production-company-genres", {**query, "rollup": rollup})

    @overload
    def ranking(self, of: Literal["genres"], **query: Unpack[RankingQuery]) -> Listing[rows.GenreRank]: ...
    @overload
    def ranking(
        self, of: Literal["production_companies"], **query: Unpack[RankingQuery]
    ) -> Listing[rows.CompanyRank]: ...
    def ranking(self, of: Entity, **query: Unpack[RankingQuery]) -> Listing[Any]:
        """The ``top`` (1) of each year by ``metric`` (popularity)."""
        return self._list(f"rankings/{of.replace('_', '-')}", query)

    @overload
    def dimension(self, of: Literal["genres"], **query: Unpack[DimensionQuery]) -> Listing[rows.Genre]: ...
    @overload
    def dimension(
        self, of: Literal["production_companies"], **query: Unpack[DimensionQuery]
    ) -> Listing[rows.Company]: ...
    def dimension(self, of: Entity, **query: Unpack[DimensionQuery]) -> Listing[Any]:
        """Every genre or production company of the run."""
        return self._list(f"dimensions/{of.replace('_', '-')}", query)

    def _list(self, path: str, query: Mapping[str, Any]) -> Listing[Any]:
        asked = {"run": self._run, **query}
        limit = asked.pop("limit", None)
        return Listing(self._session, f"/v1/{path}", pairs(asked), limit)
