"""A local folder as an object store."""

import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.errors import StoreFailure
from app.storage.base import Content, ObjectChanged, StoreCapabilities, Stored


class LocalStore:
    """A folder. Objects appear by rename and are synced to disk."""

    capabilities = StoreCapabilities(
        name="Local folder", url="`PATH`, `file:///PATH`", remote=False, multipart=False
    )

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self.url = str(self._root)

    def check(self) -> None:
        """See ``ObjectStore``: the folder need not exist yet."""

    def put(self, key: str, path: Path) -> None:
        """See ``ObjectStore``."""
        with self._failures(key), self._partial(key) as partial:
            shutil.copyfile(path, partial)
            _sync(partial)
            partial.replace(self._root / key)

    def put_if_absent(self, key: str, data: bytes) -> str | None:
        """See ``ObjectStore``."""
        with self._failures(key), self._partial(key) as partial:
            partial.write_bytes(data)
            _sync(partial)
            with suppress(FileExistsError):
                os.link(partial, self._root / key)
                return _etag(partial)
            return None

    def replace(self, key: str, data: bytes, etag: str) -> str | None:
        """See ``ObjectStore``."""
        with self._failures(key), self._partial(key) as partial, self._alone(key):
            if not self._is(key, etag):
                return None
            partial.write_bytes(data)
            _sync(partial)
            partial.replace(self._root / key)
            return _etag(self._root / key)

    def stat(self, key: str) -> Stored | None:
        """See ``ObjectStore``."""
        path = self._root / key
        with self._failures(key), suppress(FileNotFoundError, NotADirectoryError):
            return Stored(key, path.stat().st_size, _etag(path)) if path.is_file() else None
        return None

    def exists(self, key: str) -> bool:
        """See ``ObjectStore``."""
        return (self._root / key).is_file()

    def read(self, key: str) -> Content | None:
        """See ``ObjectStore``."""
        with self._failures(key), suppress(FileNotFoundError), (self._root / key).open("rb") as file:
            return Content(file.read(), _etag(file.fileno()))
        return None

    def below(self, prefix: str = "") -> list[Stored]:
        """See ``ObjectStore``."""
        with self._failures(prefix):
            files = [path for path in (self._root / prefix).rglob("*") if path.is_file()]
            found = [
                Stored(path.relative_to(self._root).as_posix(), path.stat().st_size, _etag(path))
                for path in files
                if not path.name.endswith(".part")
            ]
        return sorted(found, key=lambda stored: os.fsencode(stored.key))

    def fetch(self, found: Stored, path: Path, seen: Callable[[bytes], object] = lambda data: None) -> None:
        """See ``ObjectStore``."""
        with self._failures(found.key), path.open("wb") as target:
            if not self._is(found.key, found.etag):
                raise ObjectChanged(f"{self._root / found.key} changed since it was listed", "run again")
            with (self._root / found.key).open("rb") as source:
                while data := source.read(2**20):
                    seen(data)
                    target.write(data)

    def local(self, key: str, work: Path) -> Path:
        """See ``ObjectStore``."""
        path = self._root / key
        if not path.is_file():
            raise StoreFailure(f"{path} is missing", "the run's landed files were moved or deleted")
        return path

    def delete(self, key: str, etag: str | None = None) -> bool:
        """See ``ObjectStore``."""
        with self._failures(key), self._alone(key):
            if etag is not None and self.exists(key) and not self._is(key, etag):
                return False
            (self._root / key).unlink(missing_ok=True)
            return True

    def delete_below(self, prefix: str) -> None:
        """See ``ObjectStore``."""
        with self._failures(prefix):
            if (self._root / prefix).is_dir():
                shutil.rmtree(self._root / prefix)

    def _is(self, key: str, etag: str) -> bool:
        found = self.stat(key)
        return found is not None and found.etag == etag

    @contextmanager
    def _partial(self, key: str) -> Iterator[Path]:
        """Give the place where an object is made; what is left there at the end is deleted."""
        target = self._root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.part")
        try:
            yield partial
        finally:
            partial.unlink(missing_ok=True)

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Keep everybody else from replacing or deleting conditionally in the object's folder."""
        folder = (self._root / key).parent
        if not folder.is_dir():
            yield
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _failures(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreFailure(
                f"{self._root / key}: {error.strerror or error}",
                "check the destination's disk and rights, then run again",
            ) from error


def _etag(file: Path | int) -> str:
    """Return what another content has not: every object is a new file."""
    stat = os.stat(file)  # noqa: PTH116 - of an open file too
    return f"{stat.st_ino}-{stat.st_mtime_ns}-{stat.st_size}"


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
