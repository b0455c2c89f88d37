"""Rows that come in pages, fetched when they are looked at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from app.client.session import Pairs, Session

MAX_PAGE = 1_000
T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page: its rows, and what the API says of them."""

    rows: Sequence[T]
    run_id: str | None
    as_of: str | None
    published_at: str | None
    additive: Mapping[str, bool]
    next_cursor: str | None


class Rows(Generic[T]):
    """Rows of one question. Nothing is asked before the first row, page or attribute is.

    Iterating fetches page after page, each of the run that the first one came from. The first page is
    kept, the others are not: every iteration asks for them anew.
    """

    def __init__(self, session: Session, path: str, query: Pairs, limit: int | None = None) -> None:
        self._session = session
        self._path = path
        self._query = query
        self._limit = limit
        if limit is not None and limit < 0:
            raise ValueError("limit is a number of rows, or None for all")
        self._first: Page[T] | None = None

    def __iter__(self) -> Iterator[T]:
        return islice((row for page in self.pages() for row in page.rows), self._limit)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self._query)
        return f"<{type(self).__name__} {self._path}{' ' if shown else ''}{shown}>"

    def rows(self) -> list[T]:
        """Return every row."""
        return list(self)

    def first(self) -> T | None:
        """Return the first row, None where there is none."""
        return next(iter(self), None)

    def pages(self) -> Iterator[Page[T]]:
        """Yield the pages as they come; the rows of the last one may go beyond ``limit``.

        Raises:
            RunPruned: the run of these pages was deleted meanwhile.
        """
        page = self.first_page()
        seen = len(page.rows)
        yield page
        while page.next_cursor is not None and (self._limit is None or seen < self._limit):
            page = self._ask(("cursor", page.next_cursor))
            seen += len(page.rows)
            yield page

    def first_page(self) -> Page[T]:
        """Return the first page, asked for once."""
        if self._first is None:
            self._first = self._ask()
        return self._first

    def _ask(self, *more: tuple[str, str]) -> Page[T]:
        size = page_size(self._limit)
        return _page(*self._session.json(self._path, list, [*self._query, ("limit", str(size)), *more]))


def page_size(limit: int | None) -> int:
    """Return how many rows to ask for at once; the API has no pages of none."""
    return MAX_PAGE if limit is None else max(1, min(limit, MAX_PAGE))


def _page(data: Any, meta: Mapping[str, Any]) -> Page[Any]:
    return Page(
        data,
        meta.get("run_id"),
        meta.get("as_of"),
        meta.get("published_at"),
        meta.get("additive", {}),
        meta.get("next_cursor"),
    )
