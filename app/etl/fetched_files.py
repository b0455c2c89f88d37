"""The data files of a delivery in S3: listed, then fetched as they were listed, as readers need files."""

import hashlib
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from app.errors import StoreFailure, StoreRefused, UnreadableDelivery
from app.etl.local_files import stamp
from app.etl.progress import Progress
from app.etl.readers import READERS, DataFile, ending
from app.storage import ObjectChanged, ObjectStore, Stored, open_store, split_s3

FETCHED_AT_ONCE = 4


def fetch_files(source: str, work: Path, progress: Progress) -> tuple[DataFile, ...]:
    """Fetch the data files below an ``s3://`` URL into ``work`` and identify them, in bytewise key order.

    Raises:
        ConfigurationError: the credentials are no good, or the URL names no bucket.
        UnreadableDelivery: there is no data file, it may not be read, or it changed after it was listed.
        StoreFailure: a file did not come, or there is no room for all of them.
    """
    folder = work / "delivery"
    with _unreadable():
        store, found = _listed(source)
        _check_room(work, sum(stored.size for stored in found))
        folder.mkdir()
        return _Fetch(store, found, folder, progress).files()


def _listed(source: str) -> tuple[ObjectStore, list[Stored]]:
    """Return the store and the data files in it: the one object of this name, or all below the prefix."""
    bucket, key = split_s3(source)
    folder, _, name = key.rpartition("/")
    if ending(name) is not None:
        store = open_store(f"s3://{bucket}/{folder}")
        one = store.stat(name)
        if one is not None:
            return store, [one]
    store = open_store(f"s3://{bucket}/{key}")
    found = [stored for stored in store.below() if ending(stored.key) is not None]
    if not found:
        raise UnreadableDelivery(
            f"{source}: no data file there or below it", f"a data file ends in {', '.join(READERS)}"
        )
    return store, found


def _check_room(work: Path, needed: int) -> None:
    free = shutil.disk_usage(work).free
    if needed > free:
        raise StoreFailure(
            f"{work}: a delivery of {needed} bytes does not fit on a disk with {free} free",
            "make room for it, or put APP_HOME on a larger disk (a dry run: TMPDIR)",
        )


class _Fetch:
    """Fetches some objects at once. One that fails stops the others."""

    def __init__(self, store: ObjectStore, found: list[Stored], folder: Path, progress: Progress) -> None:
        self._store = store
        self._found = found
        self._folder = folder
        self._progress = progress
        self._total = sum(stored.size for stored in found)
        self._done = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def files(self) -> tuple[DataFile, ...]:
        """Fetch them all."""
        with ThreadPoolExecutor(FETCHED_AT_ONCE) as threads:
            files = [threads.submit(self._file, *item) for item in enumerate(self._found)]
            try:
                for file in as_completed(files):
                    file.result()  # the failure that came first, not those of files stopped for it
            finally:  # also of Ctrl-C
                self._stopped.set()
                threads.shutdown(wait=False, cancel_futures=True)
        return tuple(file.result() for file in files)

    def _file(self, index: int, stored: Stored) -> DataFile:
        path = self._folder / f"{index:06}"
        digest = hashlib.sha256()

        def seen(data: bytes) -> None:
            digest.update(data)
            self._count(len(data))

        self._store.fetch(stored, path, seen)
        size, modified_ns = stamp(path)
        return DataFile(index, stored.key, path, size, modified_ns, digest.hexdigest())

    def _count(self, size: int) -> None:
        if self._stopped.is_set():
            raise StoreFailure("fetching was stopped", "run again")
        with self._lock:
            self._done += size
            self._progress(self._done, self._total)


@contextmanager
def _unreadable() -> Iterator[None]:
    """Say of a delivery what is the delivery's fault."""
    try:
        yield
    except StoreRefused as error:
        raise UnreadableDelivery(error.message, error.hint) from error
    except ObjectChanged as error:
        raise UnreadableDelivery(
            f"{error.message}: changed between listing and reading",
            "run again when the delivery is complete",
        ) from error
