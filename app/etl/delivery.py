"""A delivery: the data files below a path or a URL, identified by their content."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from app.errors import ConfigurationError
from app.etl.fetched_files import fetch_files
from app.etl.local_files import find_files, printable, stamp
from app.etl.progress import Progress
from app.etl.readers import DataFile
from app.storage import S3


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
            if stamp(file.path) != (file.size, file.modified_ns):
                raise file.unreadable("changed while it was read", "run again when the delivery is complete")


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


def find(source: str, work: Path, progress: Progress) -> Delivery:
    """Find and identify the data files of a delivery; those of ``s3://`` are fetched into ``work`` first.

    Raises:
        ConfigurationError: a URL of another kind, or credentials that are no good.
        UnreadableDelivery: there is no such place, no data file below it, or a file cannot be read.
        StoreFailure: a file did not come, or there is no room for it.
    """
    if source.startswith(S3):
        return Delivery(source, fetch_files(source, work, progress))
    return Delivery(printable(source), find_files(source))
