"""Loading landed tables into the warehouse: one run, one transaction."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection, Table, insert, select

from app.marts.catalog import run_table
from app.marts.definitions import MARTS, Mart
from app.marts.names import search_key
from app.marts.tables import DIMENSION_TABLES, LEADER_TABLES, RANKING_TABLES, RUN_TABLES, Scaled
from app.warehouse.leaders import candidates, leaders, ranking

#: Rows read from a landed file at once, and of these rows inserted at once as Python tuples.
_ROWS_READ = 250_000
_ROWS_INSERTED = 50_000

#: Rows of an index that SQLite looks at for its statistics.
_ROWS_ANALYSED = 1_000


def insert_run(connection: Connection, values: Mapping[str, Any]) -> int:
    """Insert a run into the catalogue and return its number."""
    connection.execute(insert(run_table).values(values))
    number = select(run_table.c.seq).where(run_table.c.run_id == values["run_id"])
    return int(connection.execute(number).scalar_one())


def load_tables(connection: Connection, run: int, landed: Callable[[str], Path]) -> None:
    """Insert every mart and dimension of a run and its leaders; ``landed`` gives a table's Parquet file."""
    marts = {mart.name: mart for mart in MARTS}
    for name, table in RUN_TABLES.items():
        leading = []
        for frame in _stored_parts(name, table, run, landed(name)):
            for part in frame.iter_slices(_ROWS_INSERTED):
                _insert(connection, table, part)
            if name in marts:
                leading.append(candidates(marts[name], frame))
        if leading:
            load_leaders(connection, run, marts[name], pl.concat(leading))
    _update_statistics(connection)


def load_leaders(connection: Connection, run: int, mart: Mart, rows: pl.DataFrame) -> None:
    """Insert which rows of a mart lead by each measure, from all its rows or the candidates."""
    for tables, work_out in ((LEADER_TABLES, leaders), (RANKING_TABLES, ranking)):
        if mart.name in tables:
            frame = work_out(mart, rows).select(pl.lit(run).alias("run"), pl.all())
            _insert(connection, tables[mart.name], frame)


def _stored_parts(name: str, table: Table, run: int, landed: Path) -> Iterator[pl.DataFrame]:
    scan = pl.scan_parquet(landed, glob=False)
    rows = scan.select(pl.len()).collect().item()
    for offset in range(0, rows, _ROWS_READ):
        yield stored(name, table, run, scan.slice(offset, _ROWS_READ).collect())


def _update_statistics(connection: Connection) -> None:
    """Let SQLite know how the rows are spread: without it a question for one year reads a whole run."""
    connection.exec_driver_sql(f"PRAGMA analysis_limit={_ROWS_ANALYSED}")
    connection.exec_driver_sql("ANALYZE")


def stored(name: str, table: Table, run: int, landed: pl.DataFrame) -> pl.DataFrame:
    """Return rows as the table stores them: the run's number, scaled measures as integers, search keys."""
    frame = landed.with_columns(pl.lit(run).alias("run"))
    if name in DIMENSION_TABLES:
        keys = [search_key(text) for text in landed["name"].to_list()]
        frame = frame.with_columns(pl.Series("search_key", keys, dtype=pl.String))
    scaled = [column.name for column in table.columns if isinstance(column.type, Scaled)]
    return frame.with_columns(frame[column].to_physical().cast(pl.Int64) for column in scaled).select(
        [column.name for column in table.columns]
    )


def _insert(connection: Connection, table: Table, frame: pl.DataFrame) -> None:
    names = ", ".join(frame.columns)
    marks = ", ".join("?" * frame.width)
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608 - names from our own tables
    rows = list(zip(*(column.to_list() for column in frame), strict=True))
    connection.exec_driver_sql(statement, rows)  # plain tuples: the driver's fastest way in
