"""What a restricted client sees, as a filter in plain Python over the movies' own rows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from typing import Any

from app.auth.clients import restrict_client
from app.marts.restrictions import Restrictions
from tests.support.http import Api, authorized
from tests.support.movies import COMPANIES, GENRES, KEYS, MEASURES, Movie, Row, mart, measures, shown

#: The column of a mart that has the members of a dimension.
COLUMNS = {"genre": "genre_id", "production_company": "company_id"}
#: The mart of each listing.
MARTS = {
    "/v1/aggregates/years": "year",
    "/v1/aggregates/genres": "genre_year",
    "/v1/aggregates/production-companies": "company_year",
    "/v1/aggregates/production-company-genres": "company_genre_year",
    "/v1/rankings/genres": "genre_year",
    "/v1/rankings/production-companies": "company_year",
    "/v1/dimensions/genres": "genre_year",
    "/v1/dimensions/production-companies": "company_year",
}
#: What a restricted client is told of a run: which one it is.
OF_IDENTITY = {"run_id", "status", "as_of", "created_at", "published_at", "engine"}


@dataclass(frozen=True)
class Allowed:
    """Restrictions as they are written: ``{"mart": [...], "genre": [...], "production_company": [...]}``."""

    document: dict[str, list[Any]]

    def reads(self, name: str) -> bool:
        """Whether a mart may be read: it is among those named, and has every column that is restricted."""
        columns = {COLUMNS[item] for item in self.document if item != "mart"}
        return name in self.document.get("mart", KEYS) and columns <= set(KEYS[name])

    def keeps(self, row: Row) -> bool:
        """Whether a row of such a mart may be seen."""
        return all(row[COLUMNS[item]] in ids for item, ids in self.document.items() if item != "mart")

    def rows(self, name: str, movies: Sequence[Movie]) -> list[Row]:
        """The rows of a mart as the API shows them."""
        return [shown(row) for row in mart(name, movies) if self.keeps(row)]

    def rolled(self, name: str, movies: Iterable[Movie]) -> list[Row]:
        """The same summed over the years."""
        columns = [column for column in KEYS[name] if column != "year"]
        groups: dict[tuple[int, ...], list[Movie]] = {}
        for movie in movies:
            members = {"genre_id": movie.genres, "company_id": movie.companies}
            for key in product(*(members[column] for column in columns)):
                groups.setdefault(key, []).append(movie)
        found = [dict(zip(columns, key, strict=True)) | measures(groups[key]) for key in sorted(groups)]
        return [shown(row) for row in found if self.keeps(row)]

    def genres(self, word: str) -> set[int]:
        """The genres that a word stands for: an id, else a slug, else a name, among those that it may see."""
        known = {key: names for key, names in GENRES.items() if key in self.document.get("genre", GENRES)}
        kinds: list[Callable[[int], bool]] = [
            lambda key: str(key) == word,
            lambda key: known[key][1] == word,
            lambda key: known[key][0] == word,
        ]
        return next((found for kind in kinds if (found := {key for key in known if kind(key)})), set())


def ranked(rows: Iterable[Row], member: str, metric: str, top: int) -> list[Row]:
    """Rank rows within their years: a rank is one more than the rows that are greater, ties go by id."""
    known = [row for row in rows if row[metric] is not None]
    known.sort(key=lambda row: (row["year"], -row[metric], row[member]))
    found = []
    for year, group in groupby(known, key=lambda row: row["year"]):
        members = list(group)
        for row in members[:top]:
            rank = 1 + sum(other[metric] > row[metric] for other in members)
            found.append({"year": year, "rank": rank, **{name: row[name] for name in row if name != "year"}})
    return found


def members(dimension: str, rows: Iterable[Row]) -> list[Row]:
    """The members that occur in the rows of a mart of theirs, with their years and releases."""
    column, found = COLUMNS[dimension], dict[int, Row]()
    for row in rows:
        key, year = row[column], row["year"]
        names = {"name": COMPANIES[key]} if column == "company_id" else {"name": row["genre"]}
        slug = {"slug": row["genre_slug"]} if column == "genre_id" else {}
        first = {"id": key, **names, **slug, "first_year": year, "last_year": year, "releases": 0}
        known = found.setdefault(key, first)
        known["first_year"], known["last_year"] = (
            min(known["first_year"], year),
            max(known["last_year"], year),
        )
        known["releases"] += row["releases"]
    return [found[key] for key in sorted(found)]


def changed(allowed: Allowed, before: Sequence[Movie], after: Sequence[Movie]) -> list[Row]:
    """The rows of readable marts that differ between two runs, by mart and key."""
    found = []
    for name in (name for name in KEYS if allowed.reads(name)):
        old, new = (_by_key(name, allowed.rows(name, movies)) for movies in (before, after))
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key):
                named = dict(zip(KEYS[name], key, strict=True))
                found.append({"mart": name, "key": named, "before": old.get(key), "after": new.get(key)})
    return found


def _by_key(name: str, rows: Iterable[Row]) -> dict[tuple[int, ...], Row]:
    return {
        tuple(row[column] for column in KEYS[name]): {measure: row[measure] for measure in MEASURES}
        for row in rows
    }


def restricted(api: Api, document: dict[str, list[Any]] | None) -> Api:
    """Make another client of an API, which may read only so much."""
    other = authorized(api.app, runner=api.runner)
    restrict(other, document)
    return other


def restrict(api: Api, document: dict[str, list[Any]] | None) -> None:
    """Change what the client of an API may read."""
    auth = api.app.state.auth
    client_id = auth.verifier.verify(api.token).client_id
    restrict_client(auth.engine, client_id, Restrictions.of(document) if document else None)
    auth.watcher.refresh()
