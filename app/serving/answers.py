"""``Answers``: the one way to an answer of a listing, finished before or read now."""

from app.serving.answer import Answer, Ask
from app.serving.cache import Cache, Key, Result
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
            Restricted, InvalidParameters, NotAcceptable, RunAtFault, NothingPublished, StoreFailure,
            StatementTimeout, Saturated: as ``Reader.read`` does.
        """
        key = _key(ask)
        finished = self._finished(key, ask)
        if finished is not None:
            return finished, "hit"
        if asks_for_all(ask.query):
            return await self._file(listing, key, ask)
        answer, result = await self.cache.compute(key, lambda: self._reader.read(listing, ask))
        return answer.unless(ask.if_none_match), result

    async def _file(self, listing: Listing, key: Key, ask: Ask) -> tuple[Answer, Result]:
        unchanged = await self._reader.unchanged(listing, ask)
        if unchanged is not None:
            return unchanged, "miss"
        return await self.cache.compute(key, lambda: self._reader.export(listing, ask))

    def at_once(self, listing: Listing, ask: Ask) -> tuple[Answer, Result] | None:
        """Return what ``answer`` does where that takes no longer than a moment, else None.

        Raises:
            Restricted, InvalidParameters, NotAcceptable, RunAtFault: as above.
            NothingPublished, StoreFailure: as above.
        """
        key = _key(ask)
        finished = self._finished(key, ask)
        if finished is not None:
            return finished, "hit"
        if asks_for_all(ask.query) or self.cache.computes(key):
            return None
        answer = self._reader.read_at_once(listing, ask)
        if answer is None:
            return None
        self.cache.keep(key, answer)
        return answer.unless(ask.if_none_match), "miss"

    def _finished(self, key: Key, ask: Ask) -> Answer | None:
        self.cache.enter(self._store.state())
        found = self.cache.get(key)
        return None if found is None else found.unless(ask.if_none_match)


def _key(ask: Ask) -> Key:
    key = ask.path, ask.query, ask.accept, choose(ask.accept_encoding).name
    return key if ask.restrictions is None else (*key, ask.restrictions.fingerprint)
