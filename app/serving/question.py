"""One question to a listing, with what the headers of its request say."""

from dataclasses import dataclass

from app.errors import PrunedRun, UnknownRun
from app.serving import answer
from app.serving.answer import Ask
from app.serving.cursor import Cursors, Position
from app.serving.encodings import Encoding, Taken, choose
from app.serving.errors import RunAtFault, invalid
from app.serving.formats import FORMATS, Format, preferred
from app.serving.listings import Listing
from app.serving.query import Query, parse
from app.serving.store import Snapshot
from app.warehouse.runs import Run


@dataclass(frozen=True)
class Question:
    """What is asked for, in what form, and where to go on."""

    query: Query
    form: Format
    taken: Taken
    after: Position | None

    @property
    def pinned(self) -> str | None:
        """The run that the client named, if it named one."""
        return self.query.paging.run

    def run(self, snapshot: Snapshot) -> Run:
        """Return the run to read: the cursor's, else the pinned one, else the published one.

        Raises:
            RunAtFault: it is unknown or was pruned.
            NothingPublished: no run is published yet.
        """
        run_id = self.after.run_id if self.after else self.pinned
        return snapshot.published() if run_id is None else self.run_named(snapshot, run_id)

    def run_named(self, snapshot: Snapshot, run_id: str) -> Run:
        """Return a run by id.

        Raises:
            RunAtFault: it is unknown or was pruned.
        """
        current = snapshot.current
        if current is not None and current.run_id == run_id:
            return current
        try:
            return snapshot.once_published(run_id)
        except (UnknownRun, PrunedRun) as error:
            raise RunAtFault("cursor" if self.after else "run", error) from error

    def headers(self, run: Run, encoding: Encoding, next_link: str | None) -> dict[str, str]:
        """Return the headers of the answer."""
        paging = self.query.paging
        tag = answer.etag(
            run.run_id, self.query.digest, paging.limit, paging.cursor, self.form.name, encoding.name
        )
        return {
            **answer.of_page(self.form, encoding, next_link),
            **answer.headers(run, tag, pinned=self.pinned is not None),
        }


def read(listing: Listing, ask: Ask, cursors: Cursors) -> Question:
    """Read a request to a listing.

    Raises:
        Restricted: the client may not read the listing's mart.
        InvalidParameters: a parameter is unknown or wrong, or the cursor is not of this listing.
        NotAcceptable: the client accepts no format, or no encoding, that there is.
    """
    query = parse(listing, ask.query, ask.restrictions)
    form, taken = preferred(query.paging.format, ask.accept, FORMATS), choose(ask.accept_encoding)
    return Question(query, form, taken, _position(query, cursors))


def end(query: Query, run: Run, values: tuple[object, ...]) -> Position:
    """Return the end of a page whose last row has these sort values."""
    return Position(query.digest, run.run_id, (*values, query.paging.limit))


def _position(query: Query, cursors: Cursors) -> Position | None:
    if query.paging.cursor is None:
        return None
    found = cursors.read(query.paging.cursor, query.digest)
    *values, limit = found.values
    if not query.paging.whole and query.paging.limit != limit:
        raise invalid("cursor", f"belongs to pages of {limit} rows; go on with that `limit`, or with `all`")
    return Position(found.listing, found.run_id, tuple(values))
