"""Landed files as they are loaded, whole."""

import polars as pl

from app.errors import StoreFailure
from app.warehouse.base import LandedRun


def landed_rows(landed: LandedRun, table: str) -> pl.DataFrame:
    """Return the rows of a landed table.

    Raises:
        StoreFailure: they are not as many as the run has.
    """
    rows = pl.read_parquet(landed.file(table), glob=False)
    check_count(landed, table, len(rows))
    return rows


def check_count(landed: LandedRun, table: str, found: int) -> None:
    """Raise ``StoreFailure`` where a run has another number of rows of a table than were found."""
    if found != landed.rows[table]:
        raise StoreFailure(
            f"run {landed.run_id}: {found} of {landed.rows[table]} rows of {table} arrived", "run again"
        )
