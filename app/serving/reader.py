"""Answers questions to listings. A page takes one snapshot, one statement and one serialisation."""

import asyncio

from app.serving import answer, batch, export, question
from app.serving.answer import Answer, Ask
from app.serving.batch import Batch
from app.serving.cursor import Cursors
from app.serving.errors import StatementTimeout
from app.serving.formats import About
from app.serving.listings import Listing
from app.serving.question import Question
from app.serving.store import MartStore, Snapshot
from app.warehouse.runs import Run

#: A larger body is finished on another thread: the event loop answers nobody else meanwhile.
LARGE_BYTES = 64 * 1024
#: A page of more rows may have such a body.
MANY_ROWS = 200


class Reader:
    """Reads listings from the mart store."""

    def __init__(self, store: MartStore, cursors: Cursors) -> None:
        self._store = store
        self._cursors = cursors

    async def read(self, listing: Listing, ask: Ask) -> Answer:
        """Answer a request to a listing with one page.

        Raises:
            Restricted: the client may not read the listing's mart.
            InvalidParameters: a parameter is unknown or wrong, or the cursor is not of this listing.
            NotAcceptable: the client accepts no format, or no encoding, that there is.
            RunAtFault: the run asked for is unknown or pruned.
            NothingPublished: no run is published yet.
            StoreFailure: the store cannot be read.
            StatementTimeout: reading took too long.
            Saturated: too many questions that take long are waiting.
        """
        page = self._page(listing, ask)
        run, found = await self._store.read(page.read)
        if page.slow or len(found.text) > LARGE_BYTES:
            return await asyncio.to_thread(page.answer, run, found)
        return page.answer(run, found)

    def read_at_once(self, listing: Listing, ask: Ask) -> Answer | None:
        """Answer a request with one page where reading takes no longer than a moment, else return None.

        Raises:
            Restricted, InvalidParameters, NotAcceptable, RunAtFault: as above.
            NothingPublished, StoreFailure: as above.
        """
        page = self._page(listing, ask)
        if page.slow:
            return None
        try:
            run, found = self._store.read_at_once(page.read)
        except StatementTimeout:
            return None
        return page.answer(run, found)

    async def export(self, listing: Listing, ask: Ask) -> Answer:
        """Answer a request to a listing with all rows: those of a large file as they are read.

        Raises:
            InvalidParameters: as above, or the format is JSON.
            Restricted, NotAcceptable, RunAtFault, NothingPublished: as above.
            StoreFailure, StatementTimeout, Saturated: as above.
        """
        return await export.export(self._store, question.read(listing, ask, self._cursors))

    async def unchanged(self, listing: Listing, ask: Ask) -> Answer | None:
        """Return 304 to a client that has all rows already, else None.

        Raises:
            Restricted, InvalidParameters, NotAcceptable, RunAtFault: as above.
            NothingPublished, StoreFailure: as above.
        """
        if ask.if_none_match is None:
            return None
        asked = question.read(listing, ask, self._cursors)
        return await export.unchanged(self._store, asked, ask.if_none_match)

    def _page(self, listing: Listing, ask: Ask) -> "_Page":
        return _Page(ask, question.read(listing, ask, self._cursors), self._cursors)


class _Page:
    """One page in the making."""

    def __init__(self, ask: Ask, asked: Question, cursors: Cursors) -> None:
        self._ask = ask
        self._asked = asked
        self._cursors = cursors
        self._after = asked.after.values if asked.after else None

    @property
    def slow(self) -> bool:
        """Whether it takes longer than the event loop has time, however soon its rows are read."""
        return self._asked.form.slow or self._asked.query.paging.limit > MANY_ROWS

    def read(self, snapshot: Snapshot) -> tuple[Run, Batch]:
        """Read its rows."""
        asked = self._asked
        run = asked.run(snapshot)
        return run, batch.page(snapshot, asked.query, run, self._after, asked.form)

    def answer(self, run: Run, found: Batch) -> Answer:
        """Make a body of its rows, and say what they are."""
        asked, query = self._asked, self._asked.query
        cursor = self._cursors.sign(question.end(query, run, found.last)) if found.more else None
        meta = answer.meta(run, query.listing.mart.name, query.view.additive, found.rows, cursor)
        links = answer.links(self._ask, cursor)
        body = asked.form.page(query.paging.fields, found.text, About(meta, links))
        encoding = asked.taken.of(len(body), asked.form.packed)
        headers = asked.headers(run, encoding, links["next"])
        return Answer(200, headers, encoding.compress(body), rows=found.rows)
