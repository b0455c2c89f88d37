"""What a warehouse does besides SQL that all of them share: load a run's tables, read them, delete them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection, Engine, Table

if TYPE_CHECKING:  # the command line opens a warehouse without it
    import polars as pl


def _meaning(text: str) -> dict[str, str]:
    return {"meaning": text}


@dataclass(frozen=True)
class Capabilities:
    """What a warehouse can do, as data: the program asks these and never which warehouse it is.

    What each says is with it, from where the support table of ``docs/warehouses.md`` takes it.
    """

    name: str = field(metadata=_meaning("As people write it"))
    serves: bool = field(metadata=_meaning("The API reads it itself, without a replica"))
    migrates_itself: bool = field(
        metadata=_meaning("Every command brings its schema to head; elsewhere only `app db upgrade`")
    )
    loads_landed: bool = field(
        metadata=_meaning("Rows come from the landed files in an object store, so that a run lands first")
    )
    enforces_keys: bool = field(
        metadata=_meaning("Of two that insert one key, one fails, so that a row can be the run lock")
    )
    extra: str | None = field(default=None, metadata=_meaning("Optional part of the program that it needs"))
    transactional_ddl: bool = field(
        default=False, metadata=_meaning("A migration that fails half way leaves nothing behind")
    )
    partitions: bool = field(
        default=False, metadata=_meaning("Each run is a partition: deleting one touches no row")
    )
    time_travel: bool = field(default=False, metadata=_meaning("Keeps what was there before a change"))
    ingests: bool = field(default=False, metadata=_meaning("Can load by itself what lands"))
    tried: str = field(default="", metadata=_meaning("What its tests run on"))


@dataclass(frozen=True)
class LandedRun:
    """The tables of a run, by their names in ``RUN_TABLES``.

    ``rows`` has how many rows a table has, ``file`` gives a local Parquet file of it or a folder of them,
    ``url`` where it has landed (a local path or ``s3://``), ``parts`` the names of its files there where that
    is a folder.
    """

    run_id: str
    rows: Mapping[str, int]
    file: Callable[[str], Path]
    url: Callable[[str], str]
    parts: Callable[[str], Sequence[str]] = lambda table: ()


class Warehouse(Protocol):
    """One warehouse. Where it does not work, it raises ``StoreFailure`` or SQLAlchemy's ``DBAPIError``."""

    capabilities: Capabilities

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine: catalogue, pointer and lock are plain SQL."""
        ...

    def check(self, destination: str) -> None:
        """Check that what lands under a destination can be loaded; nothing is connected to.

        Raises:
            ConfigurationError: it cannot, from there or as the settings are.
        """
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


class OverEngine:
    """What warehouses share: they speak SQL, and have nothing to check or to stage unless they say so."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> Engine:
        """See ``Warehouse``."""
        return self._engine

    def check(self, destination: str) -> None:
        """See ``Warehouse``: rows go by way of this machine, from anywhere."""

    def stage(self, landed: LandedRun) -> None:
        """See ``Warehouse``: nothing, rows go where they belong at once."""
