"""Where runs land: an object store by URL."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.errors import ConfigurationError
from app.storage.base import ObjectStore, StoredObject
from app.storage.local import LocalStore

__all__ = ["LocalStore", "ObjectStore", "StoredObject", "open_store"]


def open_store(url: str) -> ObjectStore:
    """Open a destination: a local path or a ``file://`` URL.

    Raises:
        ConfigurationError: a URL of another kind.
    """
    parts = urlsplit(url)
    if "://" not in url:
        return LocalStore(Path(url))
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        return LocalStore(Path(unquote(parts.path)))
    raise ConfigurationError(
        f"cannot land under a {parts.scheme}:// URL", "give a local folder or a file:/// one"
    )
