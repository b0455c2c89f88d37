"""What a warehouse does besides SQL that all of them share: load a run's tables, read them, delete them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection, Engine, Table

if TYPE_CHECKING:  # the command line opens a warehouse without it
    import polars as pl


@dataclass(frozen=True)
class Capabilities:
    """What a warehouse can do, as data: the program asks these and never which warehouse it is.

    ``name``: as people write it. ``serves``: the API reads the warehouse's own file, so no replica is needed.
    ``migrates_itself``: every command brings the schema to head, not only ``app db upgrade``.
    ``loads_landed``: rows come from the landed files in an object store, so that a run lands before it is
    loaded; elsewhere both go on at once.
    ``enforces_keys``: two that insert the same primary key cannot both succeed, so a row can be a lock.
    ``extra``: what of the program's optional parts it needs, if any.
    """

    name: str
    serves: bool
    migrates_itself: bool
    loads_landed: bool
    enforces_keys: bool
    extra: str | None = None


@dataclass(frozen=True)
class LandedRun:
    """The tables of a run, by their names in ``RUN_TABLES``.

    ``rows`` has how many rows a table has, ``file`` gives a local Parquet file of it, ``url`` where it has
    landed (a local path or ``s3://``).
    """

    run_id: str
    rows: Mapping[str, int]
    file: Callable[[str], Path]
    url: Callable[[str], str]


class Warehouse(Protocol):
    """One warehouse. Where it does not work, it raises ``StoreFailure`` or SQLAlchemy's ``DBAPIError``."""

    capabilities: Capabilities

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine: catalogue, pointer and lock are plain SQL."""
        ...

    def stage(self, landed: LandedRun) -> None:
        """Bring a run's rows near, before the transaction that loads them. May be done again after a failure.

        Raises:
            StoreFailure: they did not all come.
        """
        ...

    def load(self, connection: Connection, run: int, landed: LandedRun) -> None:
        """Make the rows those of run number ``run``, in the caller's transaction: no reader sees a part.

        Raises:
            StoreFailure: not as many rows arrived as have landed.
        """
        ...

    def read(self, connection: Connection, table: Table, run: int) -> "Iterator[pl.DataFrame]":
        """Return the rows of a mart or dimension of a run by key, some at a time, in ``landed_columns``.

        Numbers are as ``tables`` has them in Python: scaled ones are integers.
        """
        ...

    def delete(self, connection: Connection, run: int) -> None:
        """Delete the rows of a run in the caller's transaction."""
        ...
