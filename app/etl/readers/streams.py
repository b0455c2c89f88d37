"""Byte streams of data files: plain, gzip, zstd or the CSV inside a zip; broken compression is told apart."""

import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, Any

from backports import zstd

from app.etl.readers.base import DataFile

#: A stream may grow without question up to this size, then only this many times its compressed size. Real
#: deliveries compress about tenfold; a decompression bomb a thousandfold.
FREE_BYTES = 16 * 2**20
MAX_EXPANSION = 100
ZIP_MEMBER = "movies_metadata.csv"

_BROKEN = (EOFError, gzip.BadGzipFile, zlib.error, zstd.ZstdError, zipfile.BadZipFile, lzma.LZMAError)
_UNSUPPORTED = (NotImplementedError, RuntimeError)


class Stream:
    """Forward-only reading of a data file's decompressed bytes."""

    def __init__(self, file: DataFile, source: IO[bytes], raw: IO[bytes]) -> None:
        self._file = file
        self._source = source
        self._raw = raw
        self._limit = max(FREE_BYTES, MAX_EXPANSION * file.size) if source is not raw else None
        self.position = 0

    @property
    def consumed(self) -> int:
        """Return how many bytes of the file as delivered were read."""
        return self._raw.tell()

    def read(self, size: int) -> bytes:
        """Return exactly ``size`` bytes, fewer only at the end."""
        parts: list[bytes] = []
        while size > 0:
            part = self._read_some(size)
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def skip_to(self, offset: int) -> None:
        """Go forward to an offset."""
        if self._limit is None:
            self._source.seek(offset)
            self.position = offset
        while self.position < offset and self.read(min(offset - self.position, 2**20)):
            pass

    def _read_some(self, size: int) -> bytes:
        try:
            part = self._source.read(size)
        except _BROKEN as error:
            raise self._file.unreadable(f"compression is broken or cut short ({error})") from error
        except _UNSUPPORTED as error:
            raise self._file.unreadable(f"cannot be decompressed ({error})") from error
        self.position += len(part)
        if self._limit is not None and self.position > self._limit:
            raise self._file.unreadable(
                f"expands to over {MAX_EXPANSION} times its {self._file.size} bytes, as a bomb does",
                "deliver it uncompressed if that is right",
            )
        return part


@contextmanager
def open_stream(file: DataFile) -> Iterator[Stream]:
    """Open a data file for reading, decompressed by its name.

    Raises:
        UnreadableDelivery: it is no such archive, or holds no CSV or several.
    """
    try:
        with file.path.open("rb") as raw, _decompressed(file, raw) as source:
            yield Stream(file, source, raw)
    except _BROKEN as error:
        raise file.unreadable(f"compression is broken or cut short ({error})") from error


@contextmanager
def _decompressed(file: DataFile, raw: IO[bytes]) -> Iterator[IO[bytes]]:
    name = file.name.lower()
    if name.endswith(".gz"):
        if not file.size:
            raise gzip.BadGzipFile("the file is empty")  # GzipFile reads it as no data
        with gzip.GzipFile(fileobj=raw) as source:
            yield source  # type: ignore[misc]  # GzipFile reads bytes as any binary file does
    elif name.endswith(".zst"):
        with zstd.ZstdFile(raw) as source:
            yield source  # type: ignore[misc]  # as above
    elif name.endswith(".zip"):
        with zipfile.ZipFile(raw) as archive, archive.open(_member(file, archive)) as source:
            yield source
    else:
        yield raw


def _member(file: DataFile, archive: zipfile.ZipFile) -> Any:
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")  # Finder's copies
    ]
    named = [member for member in members if PurePosixPath(member.filename).name == ZIP_MEMBER]
    tables = named or [member for member in members if member.filename.lower().endswith(".csv")]
    if len(tables) != 1:
        names = ", ".join(member.filename for member in members[:10]) or "nothing"
        raise file.unreadable(
            f"the archive holds {len(tables)} CSV files ({names})",
            f"it must hold {ZIP_MEMBER} or only one CSV",
        )
    if tables[0].flag_bits & 1:
        raise file.unreadable("the archive is encrypted", "deliver it without a password")
    return tables[0]
