"""Landed files as they are loaded: scanned, so that nobody has to hold them whole."""

import polars as pl

from app.warehouse.base import LandedRun
from app.warehouse.landed import check_arrived


def landed_rows(landed: LandedRun, table: str) -> pl.LazyFrame:
    """Return the rows of a landed table, to be read.

    Raises:
        StoreFailure: they are not as many as the run has.
    """
    rows = pl.scan_parquet(landed.file(table), glob=False)
    check_arrived(landed, {table: rows.select(pl.len()).collect().item()})
    return rows
