"""Working ahead: batches are cut by one thread and normalised by two, and come out in order."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

from app.etl.readers import Batch

_DEPTH = 1
_WORKERS = 2

T = TypeVar("T")


def work_ahead(batches: Iterator[Batch], work: Callable[[Batch], T]) -> Iterator[tuple[Batch, T]]:
    """Give each batch with what ``work`` made of it; a few are worked on at the same time."""
    pending: deque[tuple[Batch, Future[T]]] = deque()
    with ThreadPoolExecutor(_WORKERS) as pool:
        for batch in batches:
            pending.append((batch, pool.submit(work, batch)))
            if len(pending) > _WORKERS:
                yield _finished(pending)
        while pending:
            yield _finished(pending)


def _finished(pending: deque[tuple[Batch, Future[T]]]) -> tuple[Batch, T]:
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
