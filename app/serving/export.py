"""Exports: every row of a selection as one file, read in batches while the client takes it.

A batch begins after the last row of the one before, in a transaction of its own, so a client that reads
slowly holds nothing but its connection. All are of one run; where that is pruned meanwhile the answer breaks
off. A file that turns out to be small is an answer like any other: of known length, and worth keeping.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.serving import batch
from app.serving.answer import Answer
from app.serving.encodings import Encoding
from app.serving.errors import Saturated, invalid
from app.serving.formats import Streamed, Writer
from app.serving.question import Question
from app.serving.store import MartStore, Snapshot
from app.warehouse.runs import Run

#: Rows of a batch that is read in the order of the table, and of one that all rows must be sorted for.
ROWS, SORTED_ROWS = 4_000, 20_000
#: A file of no more bytes, as they are sent, is small: read as a whole before any of it is sent.
SMALL_BYTES = 1_048_576
#: Between batches an export waits for a place in the lane, however long: it has begun.
_AGAIN_S = 0.1
#: Files that a worker sends at once. Each holds a part, of some megabytes, for as long as its client likes.
PLACES = 16


@dataclass
class _Places:
    """How many more files may be sent; only the event loop's thread counts."""

    free: int = PLACES


_places = _Places()


async def export(store: MartStore, asked: Question) -> Answer:
    """Answer a question with all its rows. The first of them are read before there is an answer.

    Raises:
        InvalidParameters: the format is JSON, which has no end but that of a page.
        RunAtFault, NothingPublished, StoreFailure, StatementTimeout, Saturated: as ``Reader.read`` does.
    """
    form = _streamed(asked)
    run = await store.read(asked.run)
    encoding = asked.taken.of(None, form.packed)
    headers = asked.headers(run, encoding, None)
    file, begun, size = _File(asked, form, run, encoding), list[bytes](), 0
    while not file.whole and (not begun or size < SMALL_BYTES):
        if begun and not _places.free:
            raise _no_place()
        begun.append(await store.read(file.part, bulk=True))
        size += len(begun[-1])
    if file.whole and size <= SMALL_BYTES:
        return Answer(200, headers, b"".join(begun), rows=file.read)
    chunks = _chunks(store, file, begun)
    await anext(chunks)
    return Answer(200, headers, chunks=chunks, rows=lambda: file.read)


async def unchanged(store: MartStore, asked: Question, if_none_match: str) -> Answer | None:
    """Return 304 where the client has the file already, which costs no reading, else None.

    Raises:
        InvalidParameters, RunAtFault, NothingPublished, StoreFailure, StatementTimeout, Saturated: as above.
    """
    form = _streamed(asked)
    run = await store.read(asked.run)
    head = Answer(200, asked.headers(run, asked.taken.of(None, form.packed), None))
    answer = head.unless(if_none_match)
    return None if answer is head else answer


def _streamed(asked: Question) -> Streamed:
    if not isinstance(asked.form, Streamed):
        raise invalid(
            "limit", "`all` is not for JSON, which comes in pages; take format=ndjson, csv, arrow or parquet"
        )
    return asked.form


async def _chunks(store: MartStore, file: "_File", begun: list[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield nothing once there is a place for it, then the file, of which some is read."""
    with _place():
        yield b""
        while begun:
            yield begun.pop(0)
        while not file.whole:
            try:
                part = await store.read(file.part, bulk=True)
            except Saturated:
                await asyncio.sleep(_AGAIN_S)
            else:
                yield part


@contextmanager
def _place() -> Iterator[None]:
    if not _places.free:
        raise _no_place()
    _places.free -= 1
    try:
        yield
    finally:
        _places.free += 1


def _no_place() -> Saturated:
    return Saturated(f"{PLACES} files are being sent", "ask again later")


class _File:
    """A file in the making, ``read`` rows of it so far. Each part is made on the thread of the lane."""

    def __init__(self, asked: Question, form: Streamed, run: Run, encoding: Encoding) -> None:
        self.whole, self.read = False, 0
        self._asked = asked
        self._form = form
        self._run_id = run.run_id
        self._after = asked.after.values if asked.after else None
        self._rows = ROWS if _in_order(asked) else SORTED_ROWS
        self._encoding = encoding.stream()
        self._writer: Writer | None = None

    def part(self, snapshot: Snapshot) -> bytes:
        """Return the next part of the file. A bulk question is asked once, so it may go on from the last.

        Raises:
            RunAtFault: the run was pruned.
        """
        query, form = self._asked.query, self._form
        run = self._asked.run_named(snapshot, self._run_id)
        rows = batch.part(snapshot, query, run, self._after, form, self._rows)
        self._writer = self._writer or form.writer(query.paging.fields)
        written = self._writer.write(rows.text)
        self.read += rows.rows
        if rows.more:
            self._after = rows.last
            return self._encoding.write(written)
        self.whole = True
        return self._encoding.write(written + self._writer.finish()) + self._encoding.finish()


def _in_order(asked: Question) -> bool:
    """Say whether rows come in the order of their mart's table, which begins anywhere at once."""
    query = asked.query
    words = [(item.field.name, item.descending) for item in query.paging.order]
    return words == [(name, False) for name in query.listing.mart.key]
