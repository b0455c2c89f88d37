"""Errors of disks and databases, as the run's own error: what failed, where, and that it is worth a retry."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from sqlalchemy.exc import DBAPIError

from app.errors import StoreFailure

_HINT = "check the disk and the store, then run again"
#: How Polars words an error of the operating system, whatever its own type; the second is that of a Parquet
#: header that could not be written, by way of Thrift.
_OF_THE_SYSTEM = ("os error", "transport error")


@contextmanager
def store_failures(work: Path) -> Iterator[None]:
    """Raise ``StoreFailure`` for what disk or database did not do; other errors pass."""
    try:
        yield
    except DBAPIError as error:
        raise StoreFailure(f"warehouse: {error.orig}", _HINT) from error
    except OSError as error:
        raise StoreFailure(f"{error.filename or work}: {error.strerror or error}", _HINT) from error
    except pl.exceptions.PolarsError as error:
        if not any(words in str(error) for words in _OF_THE_SYSTEM):
            raise
        raise StoreFailure(f"{work}: {error}", _HINT) from error
