"""``Answers``: the one way to an answer of a listing, finished before or read now."""

from app.serving.answer import Answer, Ask
from app.serving.cache import Cache, Result
from app.serving.encodings import choose
from app.serving.listings import Listing
from app.serving.paging import asks_for_all
from app.serving.reader import Reader
from app.serving.store import MartStore


class Answers:
    """Answers from memory what was asked before of the runs that are kept now, and reads the rest."""

    def __init__(self, store: MartStore, reader: Reader, cache: Cache) -> None:
        self._store = store
        self._reader = reader
        self.cache = cache

    async def answer(self, listing: Listing, ask: Ask) -> tuple[Answer, Result]:
        """Answer a request to a listing, and say where the answer came from.

        Raises:
            InvalidParameters, NotAcceptable, RunAtFault, NothingPublished, StoreFailure, StatementTimeout,
            Saturated: as ``Reader.read`` does.
        """
        self.cache.enter(self._store.state())
        key = (ask.path, ask.query, ask.accept, choose(ask.accept_encoding).name)
        finished = self.cache.get(key)
        if finished is not None:
            return finished.unless(ask.if_none_match), "hit"
        if asks_for_all(ask.query):  # one client's stream: nobody can share it
            return await self._reader.export(listing, ask), "miss"
        answer, result = await self.cache.compute(key, lambda: self._reader.read(listing, ask))
        return answer.unless(ask.if_none_match), result
