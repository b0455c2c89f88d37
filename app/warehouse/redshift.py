"""Amazon Redshift: it reads a run's landed files itself, by COPY, in the transaction that loads the run."""

from collections.abc import Iterator

import polars as pl
from sqlalchemy import Connection, Integer, Table, insert, literal, select
from sqlalchemy.schema import CreateTable, DropTable

from app.database.redshift import IAM_ROLE
from app.errors import ConfigurationError
from app.marts.tables import RUN_TABLES
from app.warehouse.base import Capabilities, LandedRun, OverEngine
from app.warehouse.landed import check_arrived, file_table
from app.warehouse.rows import delete_rows, read_rows

#: Tables of one transaction: what a killed run leaves behind, Redshift drops with its session.
_STAGED = {name: file_table(name, "staged", temporary=True) for name in RUN_TABLES}


class RedshiftWarehouse(OverEngine):
    """See ``Warehouse``. Redshift takes primary keys for hints and enforces none."""

    capabilities = Capabilities(
        name="Redshift",
        serves=False,
        migrates_itself=False,
        loads_landed=True,
        enforces_keys=False,
        extra="redshift",
        transactional_ddl=True,
        tried="PostgreSQL through the Redshift dialect; COPY and DDL held as golden SQL",
    )

    def check(self, destination: str) -> None:
        """See ``Warehouse``: Redshift reads S3, with a role."""
        if self._role is None:
            raise ConfigurationError(
                "Redshift has no role to read landed files with", "set APP_REDSHIFT_IAM_ROLE"
            )
        if not destination.startswith("s3://"):
            raise ConfigurationError(
                f"Redshift cannot read {destination}", "set APP_DESTINATION to an s3:// URL"
            )

    def load(self, connection: Connection, run: int, landed: LandedRun) -> None:
        """See ``Warehouse``."""
        arrived = {
            name: self._load(connection, run, name, table, landed.url(name))
            for name, table in RUN_TABLES.items()
        }
        check_arrived(landed, arrived)

    def _load(self, connection: Connection, run: int, name: str, table: Table, url: str) -> int:
        staged = _STAGED[name]
        connection.execute(CreateTable(staged))
        self._copy(connection, staged, url)
        rows = select(literal(run, Integer).label("run"), *staged.columns)
        arrived = connection.execute(
            insert(table).from_select(["run", *staged.columns.keys()], rows)
        ).rowcount
        connection.execute(DropTable(staged))
        return arrived

    def _copy(self, connection: Connection, staged: Table, url: str) -> None:
        """Fill a table from a Parquet file. Columns go by their places, so it has those of the file."""
        into = f"COPY {staged.name} FROM %(url)s"
        if self._role == "default":
            connection.exec_driver_sql(f"{into} IAM_ROLE default FORMAT AS PARQUET", {"url": url})
        else:
            named = {"url": url, "role": self._role}
            connection.exec_driver_sql(f"{into} IAM_ROLE %(role)s FORMAT AS PARQUET", named)

    @property
    def _role(self) -> str | None:
        role: str | None = self._engine.get_execution_options()[IAM_ROLE]
        return role

    def read(self, connection: Connection, table: Table, run: int) -> Iterator[pl.DataFrame]:
        """See ``Warehouse``."""
        return read_rows(connection, table, run)

    def delete(self, connection: Connection, run: int) -> None:
        """See ``Warehouse``."""
        for table in RUN_TABLES.values():
            delete_rows(connection, table, run)
