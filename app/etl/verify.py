"""Verifying a run: what has landed against its manifest, every copy of its rows against what has landed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from sqlalchemy import URL, Connection

from app.errors import UnknownRun
from app.etl.compare import Comparison, Difference, compare, landed_frames
from app.etl.failures import store_failures
from app.etl.landed_files import sizes
from app.etl.landing import MANIFEST, landed_store, object_key, read_manifest, sha256, together
from app.etl.manifest import TABLES, Manifest, ObjectEntry, table_of
from app.etl.work import work_folder
from app.marts.tables import RUN_TABLES
from app.settings import Settings
from app.storage import ObjectStore
from app.warehouse import runs
from app.warehouse.base import Warehouse
from app.warehouse.opening import open_warehouse, ready_warehouse
from app.warehouse.runs import Run, timestamp

LANDED, WAREHOUSE, REPLICA = PLACES = ("landed", "warehouse", "replica")


@dataclass(frozen=True)
class _Copy:
    """A copy of a run's rows. ``run`` is None where it is not there."""

    where: str
    warehouse: Warehouse
    connection: Connection
    run: Run | None


def verify(settings: Settings, run_id: str, replica: Path | None = None) -> list[Comparison]:
    """Compare what has landed of a run with its manifest, and with its rows in the warehouse.

    ``replica`` is the file of the warehouse's replica on this machine, where there is one.

    Returns:
        What was compared, in the order of ``PLACES``.

    Raises:
        UnknownRun, PrunedRun: there is no such run, or it has no rows, or none of its files.
        DamagedRun, ConfigurationError: as ``read_manifest`` says.
        StoreFailure: the destination or the warehouse failed.
    """
    warehouse = ready_warehouse(settings.warehouse)
    with ExitStack() as opened, work_folder(None, run_id) as work, store_failures(work):
        connection = opened.enter_context(warehouse.engine.connect())
        run = _loaded(connection, run_id)
        copies = [_Copy(WAREHOUSE, warehouse, connection, run)]
        if replica is not None:
            copies.append(_replica(replica, run_id, opened))
        lake = landed_store(run_id, str(run.location))
        compared = list(_compared(lake, read_manifest(lake, run_id), copies, work))
    return sorted(compared, key=lambda comparison: PLACES.index(comparison.where))


def _loaded(connection: Connection, run_id: str) -> Run:
    run = runs.find(connection, run_id)
    if run.status == "failed":
        raise UnknownRun(f"run {run_id} failed and has no marts ({run.reason})", "see 'app etl runs'")
    if run.location is None:
        raise UnknownRun(f"run {run_id} has no landed files", "choose another: 'app etl runs'")
    return run


def _replica(file: Path, run_id: str, opened: ExitStack) -> _Copy:
    warehouse = open_warehouse(URL.create("sqlite", database=str(file)).render_as_string())
    connection = opened.enter_context(warehouse.engine.connect())
    return _Copy(REPLICA, warehouse, connection, runs.find_loaded(connection, run_id))


def _compared(
    lake: ObjectStore, manifest: Manifest, copies: Sequence[_Copy], work: Path
) -> Iterator[Comparison]:
    for copy in copies:
        yield _catalogue(copy, manifest)
    found = sizes(lake, manifest.run_id)
    for table in TABLES:
        with TemporaryDirectory(dir=work) as folder:
            yield from _table(lake, manifest, table, found, copies, Path(folder))
    for entry in manifest.objects:
        if table_of(entry.key) is None:
            yield _object(lake, manifest, entry, found, work)[0]
    yield from _strangers(found.keys() - {MANIFEST, *(entry.key for entry in manifest.objects)})


def _table(
    lake: ObjectStore,
    manifest: Manifest,
    table: str,
    found: Mapping[str, int],
    copies: Sequence[_Copy],
    folder: Path,
) -> Iterator[Comparison]:
    """Compare the objects of a table, and with them all the rows of its copies."""
    compared = [_object(lake, manifest, entry, found, folder) for entry in manifest.of_table(table)]
    files = [path for _, path in compared if path is not None]
    whole = len(files) == len(compared)
    if whole:
        _count(files, manifest.tables[table], compared[-1][0])
    yield from (result for result, _ in compared)
    if table in RUN_TABLES:
        landed = together(files, folder) if whole else None
        yield from (_rows(copy, table, landed) for copy in copies)


def _object(
    lake: ObjectStore, manifest: Manifest, entry: ObjectEntry, found: Mapping[str, int], folder: Path
) -> tuple[Comparison, Path | None]:
    result = Comparison(LANDED, entry.key)
    return result, _checked(lake, manifest, entry, found.get(entry.key), result, folder)


def _checked(
    lake: ObjectStore,
    manifest: Manifest,
    entry: ObjectEntry,
    size: int | None,
    result: Comparison,
    work: Path,
) -> Path | None:
    """Compare a landed object with its entry of the manifest; return a local file of it where they agree."""
    if size is None:
        result.add([Difference({}, None, entry.model_dump(exclude={"key"}), None)])
        return None
    if size != entry.size:
        result.add([Difference({}, "size", entry.size, size)])
        return None
    path = lake.local(object_key(manifest.run_id, entry.key), work)
    digest = sha256(path)
    if digest != entry.sha256:
        result.add([Difference({}, "sha256", entry.sha256, digest)])
        return None
    return path


def _count(files: Sequence[Path], expected: int, result: Comparison) -> None:
    """Count the rows of a whole table; what is wrong with them is told of its last object."""
    result.rows = pl.scan_parquet(list(files), glob=False).select(pl.len()).collect().item()
    if result.rows != expected:
        result.add([Difference({}, "rows", expected, result.rows)])


def _strangers(keys: set[str]) -> Iterator[Comparison]:
    """Tell of objects that the manifest does not know: nothing but a run lands there."""
    for key in sorted(keys):
        result = Comparison(LANDED, key)
        result.add([Difference({}, None, None, "not in the manifest")])
        yield result


def _rows(copy: _Copy, table: str, landed: Path | None) -> Comparison:
    result = Comparison(copy.where, table)
    if copy.run is None:
        result.note = "the run is not there"
    elif landed is None:
        result.note = "not compared: what has landed is damaged"
    else:
        rows = RUN_TABLES[table]
        found = copy.warehouse.read(copy.connection, rows, copy.run.seq)
        compare(result, rows, landed_frames(landed, rows), found)
    return result


def _catalogue(copy: _Copy, manifest: Manifest) -> Comparison:
    """Compare the run's row of the catalogue: what it says of the delivery, not how the run went on here."""
    result = Comparison(copy.where, "run")
    if copy.run is None:
        result.note = "the run is not there"
        return result
    created_at = timestamp(manifest.created_at)
    identity = {"as_of": manifest.as_of, "options": manifest.options, "engine": manifest.engine}
    expected = {**identity, "created_at": created_at, **manifest.result()}
    found = {**vars(copy.run), "created_at": timestamp(copy.run.created_at)}
    key = {"run_id": manifest.run_id}
    result.add(
        Difference(key, name, value, found[name]) for name, value in expected.items() if value != found[name]
    )
    return result
