"""The replica: how long copying marts from PostgreSQL takes, and how fast the API reads the copy.

Beside each sync stands loading the same marts into the embedded default, in the same process; beside the API
over a replica, the API over the embedded default, in the same rounds. Both hold the same run.
"""

import shutil
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
from sqlalchemy import insert

from app.database import ready, transaction
from app.marts.catalog import publication_table, run_table
from app.serving.replica.place import Place, open_file
from app.serving.replica.sync import Replica
from app.warehouse.base import LandedRun, Warehouse
from app.warehouse.load import load_tables
from app.warehouse.mirror import Contents, read_contents, write_contents
from app.warehouse.opening import open_warehouse
from bench.api import marts
from bench.api.contest import Contestant, contest
from bench.api.marts import Marts
from bench.api.prepare import HOT, prepare
from bench.api.servers import NotAvailable, app_serve
from bench.etl import sample
from bench.measure import app, console, cost, show
from bench.postgres import postgres

#: Rows of a sample that give about 1,000,000 rows of company, genre and year.
LARGE_ROWS = 490_000


def benchmark(rounds: int, seconds: float) -> None:
    """Measure the real marts, large ones, and the API over the real ones."""
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            _measure(Path(folder), rounds, seconds)
    except NotAvailable as error:
        console.print(f"the replica is not measured: {error}")


def _measure(folder: Path, rounds: int, seconds: float) -> None:
    real = marts.real(folder)
    with postgres() as url:
        _syncs(real, url, folder, rounds)
        _api(real, url, folder, rounds, seconds)
    with postgres() as url:
        _syncs(_large(folder), url, folder, rounds)


def _large(folder: Path) -> Marts:
    delivery, home = sample(LARGE_ROWS, folder), folder / "large"
    cost(app("etl", "run", str(delivery), "--json"), {"APP_HOME": str(home)})
    return Marts("a large sample", home, folder)


def _syncs(source: Marts, url: str, folder: Path, rounds: int) -> None:
    """Show the seconds of a first sync and of loading the embedded default, in turns."""
    contents, target = _contents(source), open_warehouse(url)
    _fill(source, contents, target)
    times = [
        (_embedded(source, contents, folder), _synced(target, Place(folder / "replica")))
        for _ in range(rounds)
    ]
    (rows,) = source.column("SELECT count(*) FROM mart_company_genre_year")
    named = (
        ("load into the embedded default", [load for load, _ in times]),
        ("replica sync", [sync for _, sync in times]),
        ("sync / load", [sync / load for load, sync in times]),
    )
    show(
        f"{source.name}: {rows:,} company-genre-year rows, from PostgreSQL",
        ("", *(f"run {number}" for number in range(1, rounds + 1)), "median"),
        ([name, *(f"{value:.2f}" for value in found), _median(found)] for name, found in named),
    )


def _median(values: list[float]) -> str:
    return f"{statistics.median(values):.2f}"


def _contents(source: Marts) -> Contents:
    with open_file(source.store).connect() as connection:
        return read_contents(connection)


def _fill(source: Marts, contents: Contents, target: Warehouse) -> None:
    """Give a warehouse the run of an embedded one, with its catalogue as it is."""
    with transaction(target.engine) as connection:
        connection.execute(insert(run_table), list(contents.runs))
        connection.execute(insert(publication_table), list(contents.publications))
        for run in contents.runs:
            landed = LandedRun(run["run_id"], run["tables"], source.table, str)
            target.load(connection, run["seq"], landed)


def _embedded(source: Marts, contents: Contents, folder: Path) -> float:
    home = folder / "embedded"
    shutil.rmtree(home, ignore_errors=True)
    started = time.perf_counter()
    with transaction(ready(open_file(home / "warehouse.sqlite"), "warehouse")) as connection:
        write_contents(connection, contents)
        for run in contents.runs:
            load_tables(connection, run["seq"], lambda table: pl.scan_parquet(source.table(table)))
    return time.perf_counter() - started


def _synced(warehouse: Warehouse, place: Place) -> float:
    shutil.rmtree(place.folder, ignore_errors=True)
    place.folder.mkdir()
    replica = Replica(warehouse, place)
    started = time.perf_counter()
    replica.sync()
    return time.perf_counter() - started


def _api(source: Marts, url: str, folder: Path, rounds: int, seconds: float) -> None:
    """Show requests per second over a replica beside those over the embedded default."""
    ready_marts = prepare(source, folder / "prepared")
    environment = source.environment
    asked = {
        "hot": ([ready_marts.ask(HOT)], {}),
        "cold": ([ready_marts.ask(item.path) for item in ready_marts.questions], {"APP_CACHE_BYTES": "0"}),
    }
    rows = []
    for case, (asks, settings) in asked.items():
        embedded = Contestant("embedded", app_serve, asks, {**environment, **settings}, ready="/readyz")
        replicated = replace(
            embedded, name="replica", environment={**embedded.environment, "APP_WAREHOUSE_URL": url}
        )
        own, other = contest([replicated, embedded], ready_marts.folder, seconds, rounds)
        figures = (f"{own.median('rate'):,.0f}", f"{other.median('rate'):,.0f}", f"{own.ratio(other):.2f}")
        rows.append([case, *figures, str(own.errors + other.errors)])
    columns = ("requests per second", "replica", "embedded", "ratio", "errors")
    show(f"{source.title}: the API over a replica", columns, rows)
