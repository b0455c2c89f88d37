"""What an object store does. Keys are relative paths with ``/``."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from app.errors import StoreFailure


@dataclass(frozen=True)
class StoreCapabilities:
    """What a store can do, as data.

    ``name``: as people write it; ``url``: how a place in it is written. ``remote``: other machines and a
    warehouse elsewhere see the same objects by the same URL. ``multipart``: a large file goes in parts, so
    that a killed run may leave parts behind, which ``delete_below`` drops.
    """

    name: str
    url: str
    remote: bool
    multipart: bool


class Stored(NamedTuple):
    """An object as it was listed: size in bytes; ``etag`` is another one once the content is."""

    key: str
    size: int
    etag: str


class Content(NamedTuple):
    """A small object as a whole."""

    data: bytes
    etag: str


class ObjectChanged(StoreFailure):
    """An object that was replaced or deleted since it was listed."""


class ObjectStore(Protocol):
    """Whole objects by key: readers see all of one or none.

    Every method raises ``StoreFailure`` where the store does not do its work, ``StoreRefused`` where it
    will not, and ``ConfigurationError`` where the credentials are no good.
    """

    url: str
    capabilities: StoreCapabilities

    def check(self) -> None:
        """Raise where nothing can be looked at, so that a run learns it before it works for an hour."""
        ...

    def put(self, key: str, path: Path) -> None:
        """Store a file's content."""
        ...

    def put_if_absent(self, key: str, data: bytes) -> str | None:
        """Store bytes where no such object exists; return the ETag, or None where there is another."""
        ...

    def replace(self, key: str, data: bytes, etag: str) -> str | None:
        """Store bytes in place of the object with this ETag; return the new one, or None where it is gone."""
        ...

    def stat(self, key: str) -> Stored | None:
        """Return what is known of an object; None where there is none."""
        ...

    def exists(self, key: str) -> bool:
        """Return whether the object exists."""
        ...

    def read(self, key: str) -> Content | None:
        """Return a small object; None where there is none."""
        ...

    def below(self, prefix: str = "") -> list[Stored]:
        """Return every object below a prefix, in bytewise order of the keys."""
        ...

    def fetch(self, found: Stored, path: Path, seen: Callable[[bytes], object] = lambda data: None) -> None:
        """Copy an object as it was listed into a file; ``seen`` is given its bytes as they come.

        Raises:
            ObjectChanged: it is another one now.
        """
        ...

    def local(self, key: str, work: Path) -> Path:
        """Return a local file with the object's content, fetched into the folder ``work`` where need be."""
        ...

    def delete(self, key: str, etag: str | None = None) -> bool:
        """Delete an object, with an ETag only that version of it; return whether it is gone now."""
        ...

    def delete_below(self, prefix: str) -> None:
        """Delete every object below a prefix; none there is no error."""
        ...
