"""A local folder as an object store."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.errors import StoreFailure
from app.storage.base import StoredObject


class LocalStore:
    """A folder. Objects appear by rename and are synced to disk."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self.url = str(self._root)

    def put(self, key: str, path: Path) -> None:
        """See ``ObjectStore``."""
        with self._failures(key):
            target = self._prepare(key)
            partial = target.with_name(f".{target.name}.{os.getpid()}.part")
            try:
                shutil.copyfile(path, partial)
                _sync(partial)
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """See ``ObjectStore``."""
        with self._failures(key):
            target = self._prepare(key)
            partial = target.with_name(f".{target.name}.{os.getpid()}.part")
            try:
                partial.write_bytes(data)
                _sync(partial)
                with suppress(FileExistsError):
                    os.link(partial, target)
                    return True
                return False
            finally:
                partial.unlink(missing_ok=True)

    def exists(self, key: str) -> bool:
        """See ``ObjectStore``."""
        return (self._root / key).is_file()

    def get(self, key: str) -> bytes:
        """See ``ObjectStore``."""
        with self._failures(key):
            return (self._root / key).read_bytes()

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See ``ObjectStore``."""
        with self._failures(prefix):
            keys = sorted(self._keys(prefix), key=os.fsencode)
            yield from (StoredObject(key, (self._root / key).stat().st_size) for key in keys)

    def local(self, key: str, work: Path) -> Path:
        """See ``ObjectStore``."""
        path = self._root / key
        if not path.is_file():
            raise StoreFailure(f"{path} is missing", "the run's landed files were moved or deleted")
        return path

    def delete_below(self, prefix: str) -> None:
        """See ``ObjectStore``."""
        with self._failures(prefix):
            if (self._root / prefix).is_dir():
                shutil.rmtree(self._root / prefix)

    def _keys(self, prefix: str) -> Iterator[str]:
        folder = self._root / prefix.rpartition("/")[0]
        for base, _, names in os.walk(folder):
            keys = ((Path(base) / name).relative_to(self._root).as_posix() for name in names)
            yield from (key for key in keys if key.startswith(prefix))

    def _prepare(self, key: str) -> Path:
        target = self._root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    @contextmanager
    def _failures(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreFailure(
                f"{self._root / key}: {error.strerror or error}",
                "check the destination's disk and rights, then run again",
            ) from error


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
