"""A PostgreSQL that stands in for Redshift, over the dialect and the driver of Redshift.

What PostgreSQL has no words for is taken out of a statement, or done another way, just before it is sent:
distribution and sort keys, COPY of Parquet. Nothing of the program is replaced.
"""

import re
import shutil
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from types import MethodType
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.engine import make_url

from app.warehouse.base import LandedRun
from app.warehouse.opening import open_warehouse
from app.warehouse.redshift import RedshiftWarehouse
from tests.support.landed import arrived
from tests.support.recorded import record

ROLE = "arn:aws:iam::123456789012:role/movie-marts-reader"
_SPREAD = re.compile(r"(?:\s+(?:DISTSTYLE \w+|DISTKEY \(\w+\)|SORTKEY \([\w, ]+\)))+\s*$")
_COPY = re.compile(r"COPY (\w+) FROM %\(url\)s IAM_ROLE %\(role\)s FORMAT AS PARQUET")

#: Gives the local file that an s3:// URL stands for.
Files = Callable[[str], Path]


def redshift_url(postgres_url: str) -> str:
    """Return the URL of a database as settings of a Redshift warehouse have it."""
    url = make_url(postgres_url).set(drivername="redshift+psycopg2")
    named = url.update_query_dict({"sslmode": "disable", "iam_role": ROLE})
    return named.render_as_string(hide_password=False)


def stand_in(engine: Engine, files: Files) -> None:
    """Make an engine's database pass for Redshift."""

    def translate(
        connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
    ) -> tuple[str, Any]:
        if found := _COPY.fullmatch(statement):
            assert parameters["role"] == ROLE
            _copy(cursor, found[1], files(parameters["url"]))
            return "SELECT 1", {}
        return _SPREAD.sub("", statement), parameters

    event.listen(engine, "before_cursor_execute", translate, retval=True)
    # The dialect asks a system table that is Redshift's own.
    engine.dialect.has_table = MethodType(PGDialect.has_table, engine.dialect)  # type: ignore[method-assign]  # as said


def _copy(cursor: Any, table: str, file: Path) -> None:
    """Copy a Parquet file by the places of its columns, each of the very type that the table has there."""
    cursor.execute(
        "SELECT udt_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position",
        [table],
    )
    types = [name for (name,) in cursor.fetchall()]
    rows = pq.read_table(file)
    assert [_type(field.type) for field in rows.schema] == types
    text = pa.BufferOutputStream()
    pa_csv.write_csv(rows, text, pa_csv.WriteOptions(include_header=False))
    cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT csv)", pa.BufferReader(text.getvalue()))


def _type(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return "numeric"
    return {pa.int32(): "int4", pa.int64(): "int8"}.get(kind, "varchar")


class RedshiftOnPostgres(RedshiftWarehouse):
    """The program's warehouse; its files have landed in a bucket, for it at least."""

    def __init__(self, postgres_url: str, said: list[str] | None = None) -> None:
        opened = open_warehouse(redshift_url(postgres_url))
        super().__init__(opened.engine)
        self.files: dict[str, Path] = {}
        self._fetched = Path(mkdtemp(prefix="redshift-"))
        weakref.finalize(self, shutil.rmtree, self._fetched)
        if said is not None:
            record(opened.engine, said)
        stand_in(opened.engine, self.files.__getitem__)

    def stage(self, landed: LandedRun) -> None:
        """See ``Warehouse``."""
        super().stage(self._in_bucket(landed))

    def load(self, connection: Connection, run: int, landed: LandedRun) -> None:
        """See ``Warehouse``."""
        super().load(connection, run, self._in_bucket(landed))

    def _in_bucket(self, landed: LandedRun) -> LandedRun:
        def url(table: str) -> str:
            address = f"s3://bucket/marts/runs/{landed.run_id}/{table}.parquet"
            self.files[address] = arrived(landed, table, self._fetched)
            return address

        return replace(landed, url=url)
