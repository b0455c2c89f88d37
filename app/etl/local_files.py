"""The data files of a delivery on this machine."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.errors import ConfigurationError, UnreadableDelivery
from app.etl.readers import READERS, DataFile, ending


def find_files(source: str) -> tuple[DataFile, ...]:
    """Find and identify the data files below a path, in bytewise path order.

    Raises:
        ConfigurationError: a URL of another kind.
        UnreadableDelivery: there is no such path, no data file below it, or a file cannot be read.
    """
    path = _local_path(source)
    try:
        return tuple(_identify(file) for file in _data_files(path))
    except OSError as error:
        raise UnreadableDelivery(
            f"{error.filename or path}: {error.strerror or error}", "check the path and its rights"
        ) from error


def _local_path(source: str) -> Path:
    parts = urlsplit(source)
    if "://" not in source:
        return Path(source)
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"}:
        raise ConfigurationError(
            f"cannot read {source!r}", "give a local path, or a file:/// or an s3:// URL"
        )
    return Path(unquote(parts.path))


def _data_files(path: Path) -> list[DataFile]:
    if not path.is_dir():
        if ending(path.name) is None:
            path.stat()
            raise UnreadableDelivery(f"{path}: is no data file", f"a data file ends in {', '.join(READERS)}")
        return [_data_file(0, path.name, path)]
    names = sorted(_names_below(path), key=os.fsencode)
    if not names:
        raise UnreadableDelivery(
            f"{path}: no data file below it", f"a data file ends in {', '.join(READERS)}"
        )
    return [_data_file(index, name, path / name) for index, name in enumerate(names)]


def _data_file(index: int, name: str, path: Path) -> DataFile:
    size, modified_ns = stamp(path)
    return DataFile(index, printable(name), path, size, modified_ns)


def printable(name: str) -> str:
    """Return a name that UTF-8 can hold: bytes that are not UTF-8 are written as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def stamp(path: Path) -> tuple[int, int]:
    """Return size and time of the last change: other ones where a file was written to."""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def _names_below(folder: Path) -> list[str]:
    def refuse(error: OSError) -> None:
        raise error

    return [
        (Path(base) / name).relative_to(folder).as_posix()
        for base, _, names in os.walk(folder, onerror=refuse)
        for name in names
        if ending(name) is not None
    ]


def _identify(file: DataFile) -> DataFile:
    with file.path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
    return replace(file, sha256=digest.hexdigest())
