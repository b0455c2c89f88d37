"""What an engine does: it turns a delivery into marts, dimensions and rejects below a folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from app.etl.delivery import Delivery
from app.etl.incremental.last import Changes, Kept, LastRun
from app.etl.options import RunOptions
from app.etl.progress import Progress

REJECTS = "rejects"
REJECT_COLUMNS = ("file", "row", "id", "reason", "value", "record")


@dataclass(frozen=True)
class Landing:
    """Where a run lands, for workers that land a table's parts themselves: the store's URL, the run's id."""

    url: str
    run_id: str


@dataclass(frozen=True)
class Workplace:
    """Where an engine works: a folder of this machine, and about how many bytes of memory it may take.

    ``landing`` is None where nothing may be written but in the folder: for a dry run. ``last`` is what is
    known of the last run, None where nothing shall be kept for the next either.
    """

    folder: Path
    memory: int
    landing: Landing | None = None
    last: LastRun | None = None


@dataclass(frozen=True)
class Part:
    """An object with rows of a table that a worker has landed; ``key`` is below the run's own prefix."""

    key: str
    size: int
    sha256: str
    rows: int


@dataclass(frozen=True)
class Transformed:
    """A delivery transformed.

    ``folder`` holds the marts, the dimensions and the rejects as ``<table>.parquet``: a file each, but for
    tables that have landed already, in ``parts`` in the order of their keys, which are nowhere else.
    ``totals`` says, per mart, what each summed measure must add up to, computed from the movies themselves
    (a movie counted once per row it is in), ``sums`` what it adds up to in the rows as they were written;
    ``without`` counts the movies in no row of a dimension. ``changes`` counts the movies against those of
    the last run, where an engine knows of it, ``kept`` is what it leaves for the next.
    """

    folder: Path
    rows: int
    accepted: int
    rejects: Mapping[str, int]
    without: Mapping[str, int]
    tables: Mapping[str, int]
    totals: Mapping[str, Mapping[str, int]]
    sums: Mapping[str, Mapping[str, int]]
    parts: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)
    changes: Changes | None = None
    kept: Kept | None = None


class Engine(Protocol):
    """Runs validate and transform. Every engine gives the same tables to the last digit."""

    name: str

    def transform(
        self, delivery: Delivery, options: RunOptions, place: Workplace, progress: Progress
    ) -> Transformed:
        """Transform a delivery.

        Raises:
            UnreadableDelivery: nothing of it may be kept.
            SumOverflow: a sum is beyond 2^63-1.
        """
        ...
