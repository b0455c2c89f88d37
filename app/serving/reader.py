"""Answers questions to listings. A page takes one snapshot, one statement and one serialisation."""

import asyncio

from app.serving import answer, batch, question
from app.serving.answer import Answer, Ask
from app.serving.batch import Batch
from app.serving.cursor import Cursors
from app.serving.export import export
from app.serving.formats import About
from app.serving.listings import Listing
from app.serving.store import MartStore, Snapshot
from app.warehouse.runs import Run

#: A larger body is finished on another thread: the event loop answers nobody else meanwhile.
LARGE_BYTES = 64 * 1024


class Reader:
    """Reads listings from the mart store."""

    def __init__(self, store: MartStore, cursors: Cursors) -> None:
        self._store = store
        self._cursors = cursors

    async def read(self, listing: Listing, ask: Ask) -> Answer:
        """Answer a request to a listing with one page.

        Raises:
            InvalidParameters: a parameter is unknown or wrong, or the cursor is not of this listing.
            NotAcceptable: the client accepts no format, or no encoding, that there is.
            RunAtFault: the run asked for is unknown or pruned.
            NothingPublished: no run is published yet.
            StoreFailure: the store cannot be read.
            StatementTimeout: reading took too long.
            Saturated: too many questions that take long are waiting.
        """
        asked = question.read(listing, ask, self._cursors)
        query, after = asked.query, asked.after.values if asked.after else None

        def page(snapshot: Snapshot) -> tuple[Run, Batch]:
            run = asked.run(snapshot)
            return run, batch.page(snapshot, query, run, after, asked.form)

        run, found = await self._store.read(page)
        cursor = self._cursors.sign(question.end(query, run, found.last)) if found.more else None
        meta = answer.meta(run, listing.mart.name, query.view.additive, found.rows, cursor)
        links = answer.links(ask, cursor)

        def finished() -> Answer:
            body = asked.form.page(query.paging.fields, found.text, About(meta, links))
            encoding = asked.taken.of(len(body), asked.form.packed)
            return Answer(200, asked.headers(run, encoding, links["next"]), encoding.compress(body))

        if asked.form.slow or len(found.text) > LARGE_BYTES:
            return await asyncio.to_thread(finished)
        return finished()

    async def export(self, listing: Listing, ask: Ask) -> Answer:
        """Answer a request to a listing with all rows, as they are read.

        Raises:
            InvalidParameters: as above, or the format is JSON.
            NotAcceptable, RunAtFault, NothingPublished, StoreFailure, StatementTimeout, Saturated: as above.
        """
        return await export(self._store, question.read(listing, ask, self._cursors), ask)
