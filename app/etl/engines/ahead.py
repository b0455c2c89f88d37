"""Reading ahead: the next batch is cut and checked while the present one is normalised."""

import queue
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from app.etl.readers import Batch

_DEPTH = 1


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
