"""Landed files as they are loaded, whole."""

import polars as pl

from app.warehouse.base import LandedRun
from app.warehouse.landed import check_arrived


def landed_rows(landed: LandedRun, table: str) -> pl.DataFrame:
    """Return the rows of a landed table.

    Raises:
        StoreFailure: they are not as many as the run has.
    """
    rows = pl.read_parquet(landed.file(table), glob=False)
    check_arrived(landed, {table: len(rows)})
    return rows
