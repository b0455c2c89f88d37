"""Row hashes in a folder of this machine, a file per key."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from app.errors import StoreFailure


class LocalRowHashes:
    """Files below a folder, which is made when something is first stored."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = str(folder)

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return values; see ``RowHashStore``."""
        return [self._get(key) for key in keys]

    def _get(self, key: str) -> bytes | None:
        with self._failures():
            try:
                return (self._folder / key).read_bytes()
            except FileNotFoundError:
                return None
        return None

    def put_many(self, values: Mapping[str, bytes]) -> None:
        """Store values; see ``RowHashStore``. Each file appears whole."""
        with self._failures():
            for key, value in values.items():
                path = self._folder / key
                path.parent.mkdir(parents=True, exist_ok=True)
                unfinished = path.with_name(f"{path.name}.new")
                unfinished.write_bytes(value)
                unfinished.replace(path)

    def stored(self) -> list[str]:
        """Return every key; see ``RowHashStore``."""
        with self._failures():
            files = (Path(where, name) for where, _, names in os.walk(self._folder) for name in names)
            return [file.relative_to(self._folder).as_posix() for file in files]

    def delete(self, keys: Sequence[str]) -> None:
        """Delete values, and the folders that are empty then; see ``RowHashStore``."""
        with self._failures():
            for key in keys:
                (self._folder / key).unlink(missing_ok=True)
            for parent in {(self._folder / key).parent for key in keys} - {self._folder}:
                with suppress(OSError):  # not empty, or gone
                    parent.rmdir()

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreFailure(
                f"row hashes in {self.url}: {error.strerror or error}", "check APP_HOME and its disk"
            ) from error
