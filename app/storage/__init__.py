"""Where runs land: an object store by URL."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.errors import ConfigurationError
from app.storage.base import Content, ObjectChanged, ObjectStore, StoreCapabilities, Stored
from app.storage.local import LocalStore

__all__ = [
    "S3",
    "Content",
    "LocalStore",
    "ObjectChanged",
    "ObjectStore",
    "StoreCapabilities",
    "Stored",
    "open_store",
    "split_s3",
]

#: What the URLs of objects in S3 begin with.
S3 = "s3://"


def open_store(url: str) -> ObjectStore:
    """Open a destination: a local path, a ``file://`` or an ``s3://`` URL. Nothing is asked of it yet.

    Raises:
        ConfigurationError: a URL of another kind.
    """
    if url.startswith(S3):
        from app.storage.s3 import S3Store  # late: boto3

        return S3Store(*split_s3(url))
    parts = urlsplit(url)
    if "://" not in url:
        return LocalStore(Path(url))
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        return LocalStore(Path(unquote(parts.path)))
    raise ConfigurationError(
        f"cannot land under a {parts.scheme}:// URL", "give a local folder, or a file:/// or s3:// one"
    )


def split_s3(url: str) -> tuple[str, str]:
    """Return the bucket and the key or prefix of an ``s3://`` URL; keys are taken as they are written.

    Raises:
        ConfigurationError: it names no bucket.
    """
    bucket, _, key = url.removeprefix(S3).partition("/")
    if not bucket:
        raise ConfigurationError(f"{url!r} names no bucket", "write s3://bucket/prefix")
    return bucket, key
