"""Snowflake: a run's landed files come into landing tables, and from there into the marts."""

from collections.abc import Iterator

import polars as pl
from sqlalchemy import Connection, Integer, Table, delete, insert, literal, select

from app.database.snowflake import QUERY_TAG
from app.errors import ConfigurationError
from app.marts.catalog import run_table
from app.marts.tables import RUN_TABLES, landed_columns
from app.warehouse.base import Capabilities, LandedRun, OverEngine
from app.warehouse.landed import check_arrived
from app.warehouse.rows import delete_rows, read_rows
from app.warehouse.snowflake_landing import LANDING, PIPE, copy_files, of_run, on_stage, wait_for_pipes


class SnowflakeWarehouse(OverEngine):
    """See ``Warehouse``. Snowflake enforces no primary keys."""

    capabilities = Capabilities(
        name="Snowflake",
        serves=False,
        migrates_itself=False,
        loads_landed=True,
        enforces_keys=False,
        extra="snowflake",
        time_travel=True,
        ingests=True,
        tried="fakesnow behind the real connector; stage, COPY and pipes held as golden SQL",
    )

    def check(self, destination: str) -> None:
        """See ``Warehouse``: Snowflake reads what is on its stage, and pipes only what lands at its root."""
        options = self._engine.get_execution_options()
        if on_stage(destination, options["stage_url"]) and options["ingest"] == PIPE:
            raise ConfigurationError(
                f"Snowpipe reads what lands in {options['stage_url']}, and not below it",
                "leave out --destination",
            )

    def stage(self, landed: LandedRun) -> None:
        """See ``Warehouse``: copy the run's files into landing tables, or wait until Snowpipe has done so.

        Raises:
            StoreFailure: fewer rows came than have landed, or more; nothing of the run is in the marts.
            ConfigurationError: the run has landed elsewhere than where Snowflake reads.
        """
        options = self._engine.get_execution_options()
        with self._engine.connect() as connection:
            # Before anything else: whether it would end a transaction, Snowflake does not say.
            connection.exec_driver_sql(f"ALTER SESSION SET QUERY_TAG = '{QUERY_TAG} {landed.run_id}'")
            if options["ingest"] == PIPE:
                wait_for_pipes(connection, landed, float(options["ingest_timeout"]))
            else:
                copy_files(connection, landed, options["stage_url"])
                connection.commit()

    def load(self, connection: Connection, run: int, landed: LandedRun) -> None:
        """See ``Warehouse``. Rows of the run leave the landing tables in the same transaction."""
        way = self._engine.get_execution_options()["ingest"]
        arrived = {
            name: _load(connection, run, table, LANDING[name], landed.run_id, way)
            for name, table in RUN_TABLES.items()
        }
        check_arrived(landed, arrived)

    def read(self, connection: Connection, table: Table, run: int) -> Iterator[pl.DataFrame]:
        """See ``Warehouse``."""
        return read_rows(connection, table, run)

    def delete(self, connection: Connection, run: int) -> None:
        """See ``Warehouse``. A run that failed may have rows in the landing tables as well."""
        run_id = select(run_table.c.run_id).where(run_table.c.seq == run).scalar_subquery()
        for name, table in RUN_TABLES.items():
            delete_rows(connection, table, run)
            connection.execute(delete(LANDING[name]).where(LANDING[name].c.run_id == run_id))


def _load(connection: Connection, run: int, table: Table, landing: Table, run_id: str, way: str) -> int:
    columns = [landing.c[column.name] for column in landed_columns(table)[1:]]
    rows = select(literal(run, Integer).label("run"), *columns).where(*of_run(landing, run_id, way))
    names = ["run", *(column.name for column in columns)]
    arrived = connection.execute(insert(table).from_select(names, rows)).rowcount
    connection.execute(delete(landing).where(landing.c.run_id == run_id))
    return arrived
