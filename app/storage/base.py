"""What an object store does. Keys are relative paths with ``/``."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class StoredObject:
    """An object as a listing has it: its key, and its size in bytes."""

    key: str
    size: int


class ObjectStore(Protocol):
    """Whole objects by key. Every method raises ``StoreFailure`` where the store does not do its work."""

    url: str

    def put(self, key: str, path: Path) -> None:
        """Store a file's content; readers see all of it or none."""
        ...

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Store bytes where no such object exists; return whether it was stored."""
        ...

    def exists(self, key: str) -> bool:
        """Return whether the object exists."""
        ...

    def get(self, key: str) -> bytes:
        """Return an object's content; one that is missing is a ``StoreFailure``."""
        ...

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Return the objects whose keys begin with ``prefix``, in bytewise order of their keys."""
        ...

    def local(self, key: str, work: Path) -> Path:
        """Return a local file with the object's content, fetched into the folder ``work`` where need be."""
        ...

    def delete_below(self, prefix: str) -> None:
        """Delete every object below a prefix; none there is no error."""
        ...
