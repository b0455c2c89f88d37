"""Readers turn one data file into batches of cells, whatever its format."""

from collections.abc import Callable

from app.etl.readers.base import Batch, DataFile, Reader, Span
from app.etl.readers.csv import CsvReader
from app.etl.readers.jsonl import JsonLinesReader
from app.etl.readers.parquet import ParquetReader

#: Reader of each file name ending, the longest ending first.
READERS: dict[str, Callable[[DataFile], Reader]] = {
    ".csv.gz": CsvReader,
    ".csv.zst": CsvReader,
    ".jsonl.gz": JsonLinesReader,
    ".ndjson.gz": JsonLinesReader,
    ".csv": CsvReader,
    ".zip": CsvReader,
    ".jsonl": JsonLinesReader,
    ".ndjson": JsonLinesReader,
    ".parquet": ParquetReader,
}

__all__ = ["READERS", "Batch", "DataFile", "Reader", "Span", "open_reader"]


def ending(name: str) -> str | None:
    """Return the known ending of a data file's name; None for any other file."""
    lowered = name.lower()
    return next((suffix for suffix in READERS if lowered.endswith(suffix)), None)


def open_reader(file: DataFile) -> Reader:
    """Return the reader for a data file, by its name."""
    suffix = ending(file.name)
    if suffix is None:
        raise ValueError(f"{file.name} is not a data file")
    return READERS[suffix](file)
