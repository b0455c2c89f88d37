"""The embedded warehouse: one SQLite file, which the API reads itself."""

from collections.abc import Iterator

import polars as pl
from sqlalchemy import Connection, Table

from app.marts.tables import ALL_TABLES
from app.warehouse.base import Capabilities, LandedRun, OverEngine
from app.warehouse.load import load_tables
from app.warehouse.parquet import landed_rows
from app.warehouse.rows import delete_rows, read_rows


class SqliteWarehouse(OverEngine):
    """See ``Warehouse``. A load works out as well what the API reads: leaders, rankings, search indexes."""

    capabilities = Capabilities(
        name="SQLite",
        serves=True,
        migrates_itself=True,
        loads_landed=False,
        enforces_keys=True,
        transactional_ddl=True,
        tried="SQLite of Python",
    )

    def load(self, connection: Connection, run: int, landed: LandedRun) -> None:
        """See ``Warehouse``."""
        load_tables(connection, run, lambda table: landed_rows(landed, table))

    def read(self, connection: Connection, table: Table, run: int) -> Iterator[pl.DataFrame]:
        """See ``Warehouse``."""
        return read_rows(connection, table, run)

    def delete(self, connection: Connection, run: int) -> None:
        """See ``Warehouse``."""
        for table in ALL_TABLES:
            delete_rows(connection, table, run)
