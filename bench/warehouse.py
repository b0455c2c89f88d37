"""Loading a run into PostgreSQL, beside ``psql \\copy`` of the same rows into tables with equal keys."""

import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from app.database import transaction
from app.marts.definitions import MEASURES
from app.marts.tables import RUN_TABLES, Scaled, landed_columns
from app.warehouse.base import LandedRun, Warehouse
from app.warehouse.opening import open_warehouse
from bench.measure import console, median, show
from bench.postgres import postgres

MART = "company_genre_year"
RUN = 1
GENRES, YEARS = 20, 100
KEYS = ("PRIMARY KEY (run, company_id, genre_id, year)", "(run, genre_id)", "(run, year)")
CREATE = "CREATE TABLE copied (LIKE mart_company_genre_year);"
ADD_KEYS = (
    f"ALTER TABLE copied ADD {KEYS[0]}; CREATE INDEX ON copied {KEYS[1]}; CREATE INDEX ON copied {KEYS[2]};"
)
DROP = "DROP TABLE IF EXISTS copied;"


def benchmark(rows: int, rounds: int) -> None:
    """Measure both in turn, each from rows on disk to rows that are committed and analysed and have keys."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, postgres() as url:
        warehouse = open_warehouse(url)
        landed = _land(Path(folder), rows)
        file = Path(folder, "rows.csv")
        pl.read_parquet(landed.file(MART)).select(pl.lit(RUN).alias("run"), pl.all()).write_csv(
            file, include_header=False
        )
        contest: dict[str, Callable[[], float]] = {
            "app: load": lambda: _load(warehouse, landed),
            "\\copy, then keys": lambda: _psql(url, CREATE, file, ADD_KEYS),
            "\\copy beside keys": lambda: _psql(url, CREATE + ADD_KEYS, file, ""),
        }
        times: dict[str, list[float]] = {name: [] for name in contest}
        for _ in range(rounds):
            for name, contestant in contest.items():
                _sql(url, "CHECKPOINT;")
                times[name].append(contestant())
        _show(rows, times)


def _show(rows: int, times: dict[str, list[float]]) -> None:
    own = times["app: load"]
    columns = ("", *(f"round {number}, s" for number in range(1, len(own) + 1)), "median, s", "app / this")
    table = []
    for name, found in times.items():
        ratio = median(mine / other for mine, other in zip(own, found, strict=True))
        table.append([name, *(f"{each:.2f}" for each in found), f"{median(found):.2f}", f"{ratio:.2f}"])
    show(f"PostgreSQL: {rows:,} company-genre-year rows", columns, table)
    console.print("wanted: app / psql of 2 or less")


def _land(folder: Path, rows: int) -> LandedRun:
    """Write a run whose largest mart has so many rows, and whose other tables have none."""
    for name, table in RUN_TABLES.items():
        columns = landed_columns(table)[1:]
        types: dict[str, Any] = {
            column.name: pl.Decimal(19, column.type.scale)
            if isinstance(column.type, Scaled)
            else (pl.String() if column.name in {"name", "slug"} else pl.Int64())
            for column in columns
        }
        frame = _rows(rows).cast(pl.Schema(types)) if name == MART else pl.DataFrame(schema=types)
        frame.write_parquet(folder / f"{name}.parquet")
    counts = {name: rows if name == MART else 0 for name in RUN_TABLES}
    return LandedRun(
        "bench", counts, lambda name: folder / f"{name}.parquet", lambda name: f"{folder}/{name}"
    )


def _rows(count: int) -> pl.DataFrame:
    """Return rows by key whose measures are as long as those of real marts."""
    place = pl.int_range(count, eager=True)
    frame = pl.DataFrame({"company_id": place // (GENRES * YEARS // 40), "at": place})
    keys = {"genre_id": pl.col("at") % GENRES * 37, "year": 1920 + pl.col("at") // GENRES % YEARS}
    amounts = {
        item.name: pl.col("at").hash(seed) % (10**9 if item.unit == "US dollars" else 40)
        for seed, item in enumerate(MEASURES)
    }
    popular = (pl.col("at").hash(99) % 10**8).cast(pl.Float64) / 10**6
    made = frame.with_columns(**keys, **amounts).with_columns(popularity=popular, avg_popularity=popular)
    return made.drop("at")


def _load(warehouse: Warehouse, landed: LandedRun) -> float:
    start = time.perf_counter()
    with transaction(warehouse.engine) as connection:
        warehouse.load(connection, RUN, landed)
    spent = time.perf_counter() - start
    with transaction(warehouse.engine) as connection:
        warehouse.delete(connection, RUN)
    return spent


def _psql(url: str, before: str, file: Path, after: str) -> float:
    start = time.perf_counter()
    copy = f"\\copy copied FROM '{file}' (FORMAT csv)"
    _sql(url, "BEGIN;", before, copy, after, "COMMIT;", "ANALYZE copied;")
    spent = time.perf_counter() - start
    _sql(url, DROP)
    return spent


def _sql(url: str, *statements: str) -> None:
    script = "\n".join(statements)
    subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", url], input=script, text=True, check=True
    )
