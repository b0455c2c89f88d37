"""Listings: rows of one run, which may also come as a frame in one answer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.client import frames
from app.client.errors import InvalidParameters, NotAcceptable
from app.client.pages import MAX_PAGE, Rows, T
from app.client.session import Pairs, Session

if TYPE_CHECKING:
    import polars

ARROW = "application/vnd.apache.arrow.stream"


class Listing(Rows[T]):
    """Rows of one run: whatever is asked of this object after its first answer comes from the same run."""

    def __init__(
        self, session: Session, path: str, query: Pairs, limit: int | None, row_type: type[T]
    ) -> None:
        super().__init__(session, path, query, limit)
        self._row_type = row_type

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
        """Return the rows as a Polars frame: one Arrow answer, or pages where the server has no Arrow."""
        if self._limit is not None and self._limit > MAX_PAGE:
            return self._from_pages()
        try:
            return self._from_arrow()
        except NotAcceptable:
            return self._from_pages()
        except InvalidParameters as error:
            if "format" not in {fault.parameter for fault in error.errors}:
                raise
            return self._from_pages()

    def to_pandas(self) -> Any:
        """Return the rows as a pandas frame."""
        return frames.to_pandas(self.to_polars())

    def _from_arrow(self) -> "polars.DataFrame":
        limit = "all" if self._limit is None else str(self._limit)
        query = self._query if self._first is None else self._pinned(self._first.run_id)
        answer = self._session.get(self._path, [*query, ("format", "arrow"), ("limit", limit)], ARROW)
        if self._first is None:
            self._query = self._pinned(answer.headers.get("Run-Id"))
        return frames.from_arrow(answer.content)

    def _from_pages(self) -> "polars.DataFrame":
        rows: list[Any] = self.rows()
        fields = dict(self._query).get("fields")
        return frames.from_rows(rows, self._row_type, fields.split(",") if fields else ())

    def _pinned(self, run_id: str | None) -> Pairs:
        """Ask the same of this run. Not for pages: a cursor belongs to the question of its first page."""
        if run_id is None:
            return self._query
        return [*(pair for pair in self._query if pair[0] != "run"), ("run", run_id)]
