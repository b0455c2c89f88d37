"""Finding the data files of a delivery and identifying their content."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from app.errors import ConfigurationError, UnreadableDelivery
from app.etl.readers import READERS, DataFile, ending


@dataclass(frozen=True)
class Delivery:
    """The data files of one delivery, in bytewise path order, with size and sha256."""

    source: str
    files: tuple[DataFile, ...]

    @property
    def size(self) -> int:
        """Return the bytes of all files, as delivered."""
        return sum(file.size for file in self.files)

    def document(self) -> list[dict[str, Any]]:
        """Return the files as manifest and catalogue keep them."""
        return [{"path": file.name, "size": file.size, "sha256": file.sha256} for file in self.files]

    def fingerprint(self, options: Mapping[str, Any]) -> str:
        """Return what identifies the marts to come: the files' content, in order, and these options."""
        content = [[file.sha256 for file in self.files], sorted(options.items())]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def check_unchanged(self) -> None:
        """Raise ``UnreadableDelivery`` where a file was written to since it was identified."""
        for file in self.files:
            if _stamp(file.path) != (file.size, file.modified_ns):
                raise file.unreadable("changed while it was read", "run again when the delivery is complete")


def local_path(source: str) -> Path:
    """Return the local path of a source: a path, or a ``file://`` URL.

    Raises:
        ConfigurationError: a URL of another kind.
    """
    parts = urlsplit(source)
    if "://" not in source:
        return Path(source)
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"}:
        raise ConfigurationError(f"cannot read {source!r}", "give a local path or a file:/// URL")
    return Path(unquote(parts.path))


def fill_period(source: str, as_of: str | None) -> str:
    """Fill ``{as_of}`` in a source.

    Raises:
        ConfigurationError: there is no source, or it asks for a period and none is given, or that is no date.
    """
    if not source:
        raise ConfigurationError("no source was given", "name a data file or a folder of them")
    if as_of is not None and not _is_date(as_of):
        raise ConfigurationError(f"--as-of {as_of!r} is no date", "write YYYY-MM-DD")
    if "{as_of}" not in source:
        return source
    if as_of is None:
        raise ConfigurationError(f"{source!r} asks for the period", "give --as-of YYYY-MM-DD")
    return source.replace("{as_of}", as_of)


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def find(source: str) -> Delivery:
    """Find and identify the data files of a local delivery.

    Raises:
        UnreadableDelivery: there is no such path, no data file below it, or a file cannot be read.
    """
    path = local_path(source)
    try:
        found = _data_files(path)
        files = tuple(_identify(file) for file in found)
    except OSError as error:
        raise UnreadableDelivery(
            f"{error.filename or path}: {error.strerror or error}", "check the path and its rights"
        ) from error
    return Delivery(_printable(source), files)


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
    size, modified_ns = _stamp(path)
    return DataFile(index, _printable(name), path, size, modified_ns)


def _printable(name: str) -> str:
    """Return a name that UTF-8 can hold: bytes that are not UTF-8 are written as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _stamp(path: Path) -> tuple[int, int]:
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
