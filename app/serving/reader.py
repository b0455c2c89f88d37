"""Answers questions to listings: one snapshot, one statement, one serialisation."""

from collections.abc import Sequence
from typing import Any

from app.errors import PrunedRun, UnknownRun
from app.marts.definitions import Dimension, MatchOn
from app.serving import answer, statement
from app.serving.answer import Answer, Ask
from app.serving.cursor import Cursors, Position
from app.serving.encodings import Encoding, choose
from app.serving.errors import RunAtFault
from app.serving.formats import Format, Page, negotiate
from app.serving.listings import Listing
from app.serving.query import Query, parse
from app.serving.store import MartStore, Snapshot
from app.warehouse.runs import Run


class Reader:
    """Reads listings from the mart store."""

    def __init__(self, store: MartStore, cursors: Cursors) -> None:
        self._store = store
        self._cursors = cursors

    async def read(self, listing: Listing, ask: Ask) -> Answer:
        """Answer a request to a listing.

        Raises:
            InvalidParameters: a parameter is unknown or wrong, or the cursor is not of this listing.
            NotAcceptable: the client accepts no format that there is.
            RunAtFault: the run asked for is unknown or pruned.
            NothingPublished: no run is published yet.
            StoreFailure: the store cannot be read.
            StatementTimeout: reading took too long.
            Saturated: too many questions that take long are waiting.
        """
        query = parse(listing, ask.query)
        form, encoding = negotiate(query.paging.format, ask.accept), choose(ask.accept_encoding)
        after = self._position(query)

        def question(snapshot: Snapshot) -> tuple[Run, Sequence[Any]]:
            run = _run(snapshot, query, after)
            return run, _rows(snapshot, query, run, after.values if after else None)

        run, rows = await self._store.read(question)
        page = self._page(ask, query, run, rows)
        head = {
            **answer.of_page(form, encoding, page.links["next"]),
            **answer.headers(run, _tag(query, run, form, encoding), pinned=query.paging.run is not None),
        }
        return Answer(200, head, encoding.compress(form.render(page)))

    def _position(self, query: Query) -> Position | None:
        return self._cursors.read(query.paging.cursor, query.digest) if query.paging.cursor else None

    def _page(self, ask: Ask, query: Query, run: Run, found: Sequence[Any]) -> Page:
        rows, more = answer.cut(found, query.paging.limit)
        cursor = self._cursors.sign(_end(query, run, rows[-1])) if more else None
        meta = answer.meta(run, query.listing.mart.name, query.view.additive, len(rows), cursor)
        return Page(query.paging.fields, rows, meta, answer.links(ask, cursor))


def _run(snapshot: Snapshot, query: Query, after: Position | None) -> Run:
    """Return the run to read: the cursor's, else the pinned one, else the published one."""
    pinned = after.run_id if after else query.paging.run
    if pinned is None:
        return snapshot.published()
    current = snapshot.current
    if current is not None and current.run_id == pinned:
        return current
    try:
        return snapshot.once_published(pinned)
    except (UnknownRun, PrunedRun) as error:
        raise RunAtFault("cursor" if after else "run", error) from error


def _tag(query: Query, run: Run, form: Format, encoding: Encoding) -> str:
    paging = query.paging
    return answer.etag(run.run_id, query.digest, paging.cursor, form.name, encoding.name)


def _rows(snapshot: Snapshot, query: Query, run: Run, after: Sequence[Any] | None) -> list[tuple[Any, ...]]:
    def lookup(dimension: Dimension, kind: MatchOn, value: str | int) -> list[int]:
        return snapshot.ids(dimension, kind, value, run)

    return snapshot.rows(*statement.prepare(query, run.seq, after, lookup))


def _end(query: Query, run: Run, row: Sequence[Any]) -> Position:
    places = {name: place for place, name in enumerate(statement.columns(query))}
    values = tuple(row[places[item.field.name]] for item in query.paging.order)
    return Position(query.digest, run.run_id, values)
