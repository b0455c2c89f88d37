"""What an engine does: it turns a delivery into marts, dimensions and rejects below a folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.etl.delivery import Delivery
from app.etl.options import RunOptions
from app.etl.progress import Progress

REJECTS = "rejects"
REJECT_COLUMNS = ("file", "row", "id", "reason", "value", "record")


@dataclass(frozen=True)
class Transformed:
    """A delivery transformed, not yet landed.

    ``folder`` holds one Parquet file per mart and dimension and one of rejects, named ``<table>.parquet``.
    ``totals`` says, per mart, what each summed measure must add up to, computed from the movies themselves
    (a movie counted once per row it is in); ``without`` counts the movies in no row of a dimension.
    """

    folder: Path
    rows: int
    accepted: int
    rejects: Mapping[str, int]
    without: Mapping[str, int]
    tables: Mapping[str, int]
    totals: Mapping[str, Mapping[str, int]]


class Engine(Protocol):
    """Runs validate and transform. Every engine gives the same tables to the last digit."""

    name: str

    def transform(
        self, delivery: Delivery, options: RunOptions, work: Path, progress: Progress
    ) -> Transformed:
        """Transform a delivery in the folder ``work``.

        Raises:
            UnreadableDelivery: nothing of it may be kept.
            SumOverflow: a sum is beyond 2^63-1.
        """
        ...
