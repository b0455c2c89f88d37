"""Listings: rows of one run, which may also come as a frame in one answer."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import httpx

from app.client import frames
from app.client.errors import UnexpectedAnswer
from app.client.pages import Rows, T, page_size
from app.client.session import Pairs

if TYPE_CHECKING:
    import polars

ARROW = "application/vnd.apache.arrow.stream"


class Listing(Rows[T]):
    """Rows of one run: whatever is asked of this object after its first answer comes from the same run."""

    @property
    def run_id(self) -> str | None:
        """Run that the rows come from."""
        return dict(self._query).get("run") or self.first_page().run_id

    @property
    def as_of(self) -> str | None:
        """Period that the run's delivery stands for."""
        return self.first_page().as_of

    @property
    def additive(self) -> Mapping[str, bool]:
        """Per dimension, whether rows may be summed over it."""
        return self.first_page().additive

    def to_polars(self) -> "polars.DataFrame":
        """Return the rows as a Polars frame, from Arrow: one answer, or the pages that ``limit`` takes."""
        return frames.from_arrow(self._streams(), self._limit)

    def to_pandas(self) -> Any:
        """Return the rows as a pandas frame."""
        return frames.to_pandas(self.to_polars())

    def _streams(self) -> Iterator[bytes]:
        """Yield the rows as Arrow IPC streams, a page each, all of one run."""
        size = "all" if self._limit is None else str(page_size(self._limit))
        asked = self._query if self._first is None else self._pinned(self._first.run_id)
        query = [*asked, ("limit", size)]
        answer = self._session.get(self._path, query, ARROW)
        if self._first is None:
            self._query = self._pinned(answer.headers.get("Run-Id"))
        yield answer.content
        while following := answer.links.get("next"):
            cursor = _cursor(following["url"])
            answer = self._session.get(self._path, [*query, ("cursor", cursor)], ARROW)
            yield answer.content

    def _pinned(self, run_id: str | None) -> Pairs:
        """Ask the same of this run. Not for pages: a cursor belongs to the question of its first page."""
        if run_id is None:
            return self._query
        return [*(pair for pair in self._query if pair[0] != "run"), ("run", run_id)]


def _cursor(link: str) -> str:
    try:
        return httpx.URL(link).params["cursor"]
    except (httpx.InvalidURL, KeyError):
        raise UnexpectedAnswer("the link to the next page has no cursor") from None
