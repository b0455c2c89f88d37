"""What warehouses share that read landed files themselves: tables like the files, counts that must agree."""

from collections.abc import Mapping

from sqlalchemy import Column, Integer, MetaData, Table

from app.errors import StoreFailure
from app.marts.definitions import YEAR
from app.marts.tables import RUN_TABLES, landed_columns
from app.warehouse.base import LandedRun


def file_columns(table: str) -> list[Column[object]]:
    """Return the columns of a landed file, in its order, with types that hold what it has.

    Years land as 32-bit integers; only the marts know that they are small.
    """
    columns = landed_columns(RUN_TABLES[table])[1:]
    return [Column(column.name, Integer() if column.name == YEAR.key else column.type) for column in columns]


def file_table(table: str, prefix: str, *columns: Column[object], temporary: bool = False) -> Table:
    """Return the table ``<prefix>_<table>`` of the given columns and those of a landed file."""
    prefixes = ["TEMPORARY"] if temporary else []
    return Table(f"{prefix}_{table}", MetaData(), *columns, *file_columns(table), prefixes=prefixes)


def check_arrived(landed: LandedRun, arrived: Mapping[str, int], hint: str = "run again") -> None:
    """Raise ``StoreFailure`` where other counts of rows arrived than have landed; name each such table."""
    wrong = [
        f"{table} {found:,} of {landed.rows[table]:,} rows"
        for table, found in arrived.items()
        if found != landed.rows[table]
    ]
    if wrong:
        raise StoreFailure(f"run {landed.run_id}: not what has landed has arrived: {', '.join(wrong)}", hint)
