"""Loading a run into a SQLite file, with what the API reads: one run, one transaction."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import polars as pl
from sqlalchemy import Connection, Table

from app.marts.definitions import MARTS, Mart
from app.marts.names import search_key
from app.marts.tables import (
    DIMENSION_TABLES,
    LEADER_TABLE,
    MART_TABLES,
    RANKING_TABLES,
    RUN_TABLES,
    SEARCH_KEY,
    SEARCH_TABLES,
    SEARCHED,
    Scaled,
)
from app.warehouse.insert import insert_frame, insert_rows
from app.warehouse.leaders import leaders, ranking

#: Rows of a mart in memory at once: some 100 bytes each.
_ROWS_READ = 131_072

#: Rows of an index that SQLite looks at for its statistics.
_ROWS_ANALYSED = 1_000


class Leading(NamedTuple):
    """What leads in a mart: rows of the table of leaders, and its ranking, if it has one."""

    mart: Mart
    lists: list[tuple[str, str, str]]
    ranking: pl.DataFrame | None


def load_tables(
    connection: Connection,
    run: int,
    landed: Callable[[str], pl.LazyFrame],
    tables: Collection[str] = RUN_TABLES,
) -> None:
    """Insert the marts and dimensions of a run, or some, with what leads.

    ``landed`` gives a table's rows by key; a mart is read in slices, and never whole.
    """
    marts = {mart.name: mart for mart in MARTS}
    # Polars works out what leads while SQLite inserts: neither holds the interpreter's lock for long.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="leaders") as beside:
        for name in tables:
            if name in marts:
                rows = _stored(MART_TABLES[name], run, landed(name))
                leading = beside.submit(_leading, marts[name], rows)
                for part in _slices(rows):
                    insert_frame(connection, MART_TABLES[name], part)
                _insert_leading(connection, run, leading.result())
            else:
                _load_dimension(connection, run, name, landed(name).collect())
    _update_statistics(connection)


def load_leaders(connection: Connection, run: int, mart: Mart, rows: pl.LazyFrame) -> None:
    """Insert which rows of a mart lead by each measure, from all its rows as they are stored, by key."""
    _insert_leading(connection, run, _leading(mart, rows))


def _leading(mart: Mart, rows: pl.LazyFrame) -> Leading:
    return Leading(mart, list(leaders(mart, rows)), ranking(mart, rows) if mart.ranked else None)


def _insert_leading(connection: Connection, run: int, found: Leading) -> None:
    lists = [(run, found.mart.name, *item) for item in found.lists]
    insert_rows(connection, LEADER_TABLE, ("run", "mart", "slice", "sort", "keys"), lists)
    if found.ranking is not None:
        ranked = found.ranking.select(pl.lit(run).alias("run"), pl.all())
        insert_frame(connection, RANKING_TABLES[found.mart.name], ranked)


def _load_dimension(connection: Connection, run: int, name: str, landed: pl.DataFrame) -> None:
    keys = pl.Series(SEARCH_KEY, [search_key(text) for text in landed["name"].to_list()], dtype=pl.String)
    rows = _stored(DIMENSION_TABLES[name], run, landed.with_columns(keys).lazy()).collect()
    insert_frame(connection, DIMENSION_TABLES[name], rows)
    insert_frame(connection, SEARCH_TABLES[name], _searched(run, rows))


def _searched(run: int, members: pl.DataFrame) -> pl.DataFrame:
    numbers = pl.int_range(run * SEARCHED, run * SEARCHED + pl.len())
    return members.sort("id").select(numbers.alias("rowid"), "search_key", "run", "id")


def _update_statistics(connection: Connection) -> None:
    """Let SQLite know how the rows are spread: without it a question for one year reads a whole run."""
    connection.exec_driver_sql(f"PRAGMA analysis_limit={_ROWS_ANALYSED}")
    connection.exec_driver_sql("ANALYZE")


def _stored(table: Table, run: int, landed: pl.LazyFrame) -> pl.LazyFrame:
    """Return rows as the table stores them: the run's number, scaled measures as integers."""
    scaled = [column.name for column in table.columns if isinstance(column.type, Scaled)]
    integers = [pl.col(name).to_physical().cast(pl.Int64) for name in scaled]
    return landed.with_columns(pl.lit(run).alias("run"), *integers).select(table.columns.keys())


def _slices(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    start = 0
    while len(part := rows.slice(start, _ROWS_READ).collect()):
        yield part
        start += len(part)
