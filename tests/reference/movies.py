"""Rows become movies or rejects, each reject with the first reason that applies.

Chosen where the contract is silent: the value of ``malformed_row`` is the number of fields found, of the
``missing_`` reasons the empty string, of ``duplicate_id`` the id; id and value are cells as written, not
trimmed; a malformed row's id is the cell where the id column would be, or the empty string. Ids are the same
when their values are: ``07`` is ``7``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.reference import cells, lists

REQUIRED = (
    "id",
    "title",
    "release_date",
    "budget",
    "revenue",
    "popularity",
    "genres",
    "production_companies",
)

REASONS = (
    "malformed_row",
    "invalid_id",
    "missing_release_date",
    "invalid_release_date",
    "invalid_budget",
    "invalid_revenue",
    "invalid_popularity",
    "invalid_genres",
    "invalid_production_companies",
    "missing_financials",
    "duplicate_id",
)


@dataclass(frozen=True)
class DataFile:
    """One file of a delivery: path relative to the delivery's root, header, records in order."""

    path: str
    header: list[str]
    records: list[list[str]]


@dataclass(frozen=True)
class Movie:
    """An accepted movie; None is unknown."""

    id: int
    year: int
    budget: int | None
    revenue: int | None
    popularity: Decimal | None
    genres: dict[int, str]
    companies: dict[int, str]


@dataclass(frozen=True)
class Reject:
    """A record that became no movie, kept whole."""

    file: str
    row: int
    id: str
    reason: str
    value: str
    record: tuple[str, ...]


class RejectedError(Exception):
    """A row is no movie: reason and value."""


def judge(files: Iterable[DataFile], require_financials: bool = False) -> tuple[list[Movie], list[Reject]]:
    """Movies and rejects of a delivery, both in (path, row) order; paths compare bytewise."""
    winners: dict[int, tuple[Movie, Reject]] = {}
    rejects: list[Reject] = []
    for file in sorted(files, key=lambda file: file.path.encode()):
        for row, record in enumerate(file.records, 1):
            name = _id_cell(file.header, record)
            try:
                movie = _movie(file.header, record, require_financials)
            except RejectedError as rejected:
                reason, value = rejected.args
                rejects.append(Reject(file.path, row, name, reason, value, tuple(record)))
                continue
            if movie.id in winners:
                rejects.append(winners.pop(movie.id)[1])
            winners[movie.id] = (movie, Reject(file.path, row, name, "duplicate_id", name, tuple(record)))
    rejects.sort(key=lambda reject: (reject.file.encode(), reject.row))
    return [movie for movie, _ in winners.values()], rejects


def _movie(header: list[str], record: list[str], require_financials: bool) -> Movie:
    if len(record) != len(header):
        raise RejectedError("malformed_row", str(len(record)))
    cell = dict(zip(header, record, strict=True))
    movie_id = _read(cells.movie_id, cell["id"], "invalid_id")
    if cell["release_date"].strip() == "":
        raise RejectedError("missing_release_date", "")
    movie = Movie(
        id=movie_id,
        year=_read(cells.release_date, cell["release_date"], "invalid_release_date").year,
        budget=_read(cells.amount, cell["budget"], "invalid_budget"),
        revenue=_read(cells.amount, cell["revenue"], "invalid_revenue"),
        popularity=_read(cells.popularity, cell["popularity"], "invalid_popularity"),
        genres=_read(lists.members, cell["genres"], "invalid_genres"),
        companies=_read(lists.members, cell["production_companies"], "invalid_production_companies"),
    )
    if require_financials and (movie.budget is None or movie.revenue is None):
        raise RejectedError("missing_financials", "")
    return movie


def _read(reader: Callable[[str], Any], cell: str, reason: str) -> Any:
    try:
        return reader(cell)
    except cells.InvalidCellError:
        raise RejectedError(reason, cell) from None


def _id_cell(header: list[str], record: list[str]) -> str:
    position = header.index("id")
    return record[position] if position < len(record) else ""
