"""Loading a run into a SQLite file, with what the API reads: one run, one transaction."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import polars as pl
from sqlalchemy import Connection, Table, TableClause

from app.marts.definitions import MARTS, Mart
from app.marts.names import search_key
from app.marts.tables import (
    DIMENSION_TABLES,
    LEADER_TABLE,
    RANKING_TABLES,
    RUN_TABLES,
    SEARCH_TABLES,
    SEARCHED,
    Scaled,
)
from app.warehouse.leaders import leaders, ranking

#: Rows inserted at once as Python tuples: few, so that they stay near the processor.
_ROWS_INSERTED = 1_000

#: Rows of an index that SQLite looks at for its statistics.
_ROWS_ANALYSED = 1_000


def load_tables(
    connection: Connection,
    run: int,
    landed: Callable[[str], pl.DataFrame],
    tables: Collection[str] = RUN_TABLES,
) -> None:
    """Insert the marts and dimensions of a run, or some, with what leads; ``landed`` gives a table's rows."""
    marts = {mart.name: mart for mart in MARTS}
    for name in tables:
        table = RUN_TABLES[name]
        rows = stored(name, table, run, landed(name))
        for part in rows.iter_slices(_ROWS_INSERTED):
            _insert(connection, table, part)
        if name in marts:
            load_leaders(connection, run, marts[name], rows)
        if name in SEARCH_TABLES:
            _insert(connection, SEARCH_TABLES[name], _searched(run, rows))
    _update_statistics(connection)


def load_leaders(connection: Connection, run: int, mart: Mart, rows: pl.DataFrame) -> None:
    """Insert which rows of a mart lead by each measure, from all its rows by key."""
    lists = [(run, mart.name, *found) for found in leaders(mart, rows)]
    _insert_rows(connection, LEADER_TABLE, ("run", "mart", "slice", "sort", "keys"), lists)
    if mart.ranked:
        ranked = ranking(mart, rows).select(pl.lit(run).alias("run"), pl.all())
        _insert(connection, RANKING_TABLES[mart.name], ranked)


def _searched(run: int, members: pl.DataFrame) -> pl.DataFrame:
    numbers = pl.int_range(run * SEARCHED, run * SEARCHED + pl.len())
    return members.sort("id").select(numbers.alias("rowid"), "search_key", "run", "id")


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


def _insert(connection: Connection, table: TableClause, frame: pl.DataFrame) -> None:
    rows = list(zip(*(column.to_list() for column in frame), strict=True))
    _insert_rows(connection, table, frame.columns, rows)


def _insert_rows(
    connection: Connection, table: TableClause, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    if rows:
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - names from our own tables
        connection.exec_driver_sql(statement, list(rows))  # plain tuples: the driver's fastest way in
