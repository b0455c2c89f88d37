"""Working ahead: batches are cut by one thread and normalised by two, and come out in order."""

import queue
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

from app.etl.normalise import Normalised, normalise
from app.etl.readers import Batch

_DEPTH = 1
_NORMALISERS = 2


def normalise_ahead(batches: Iterator[Batch], require_financials: bool) -> Iterator[tuple[Batch, Normalised]]:
    """Give each batch with what it became; a few are normalised at the same time."""
    pending: deque[tuple[Batch, Future[Normalised]]] = deque()
    with ThreadPoolExecutor(_NORMALISERS) as pool:
        for batch in batches:
            pending.append((batch, pool.submit(_normalise, batch, require_financials)))
            if len(pending) > _NORMALISERS:
                yield _finished(pending)
        while pending:
            yield _finished(pending)


def _normalise(batch: Batch, require_financials: bool) -> Normalised:
    return normalise(batch.cells, require_financials)


def _finished(pending: deque[tuple[Batch, Future[Normalised]]]) -> tuple[Batch, Normalised]:
    batch, future = pending.popleft()
    return batch, future.result()


def read_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Give the same batches, read by a thread; an error of the reader is raised here, in its place."""
    channel: queue.Queue[Any] = queue.Queue(maxsize=_DEPTH)
    stopped = threading.Event()
    thread = threading.Thread(target=_read, args=(batches, channel, stopped), daemon=True)
    thread.start()
    try:
        while (item := channel.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        while thread.is_alive():
            _drain(channel)
            thread.join(timeout=0.05)


def _read(batches: Iterator[Batch], channel: queue.Queue[Any], stopped: threading.Event) -> None:
    try:
        with closing(batches) as source:  # type: ignore[type-var]  # readers are generators
            for batch in source:
                if stopped.is_set():
                    return
                channel.put(batch)
    except BaseException as error:
        channel.put(error)
    else:
        channel.put(None)


def _drain(channel: queue.Queue[Any]) -> None:
    while not channel.empty():
        channel.get_nowait()
