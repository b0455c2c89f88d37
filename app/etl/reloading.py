"""Loading what has landed: a run whose load failed, or all that a new warehouse does not have."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import or_, select

from app.errors import AuditHeld, DamagedRun
from app.etl.failures import store_failures
from app.etl.landed_files import check_sizes, fetch
from app.etl.landing import landed_runs, landed_store, location, read_manifest, table_key, together
from app.etl.loading import AWAITING_PUBLISH, Stores, load_run, lock_keeper, publish_run
from app.etl.manifest import Manifest
from app.etl.record import recorded, recovery
from app.etl.work import work_folder
from app.marts.catalog import run_table
from app.marts.tables import RUN_TABLES
from app.settings import Settings
from app.storage import ObjectStore, open_store
from app.warehouse import runs
from app.warehouse.base import LandedRun, Warehouse
from app.warehouse.lock import run_lock
from app.warehouse.opening import ready_warehouse
from app.warehouse.runs import Run, readmit_run


@dataclass(frozen=True)
class Loaded:
    """A run that is in the warehouse; ``new`` and ``published`` say what was done for it just now.

    ``held`` is what kept it from being published, where that was asked for.
    """

    run: Run
    new: bool = False
    published: bool = False
    held: AuditHeld | None = None

    @property
    def no_op(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.new or self.published)


@dataclass(frozen=True)
class LoadedAll:
    """What a warehouse got of a destination: its new runs, the oldest first, and those that are damaged."""

    loaded: list[Run] = field(default_factory=list)
    damaged: dict[str, DamagedRun] = field(default_factory=dict)
    published: Run | None = None


#: Told of each run that was loaded or published, as soon as it was.
Settled = Callable[[Loaded], None]


def load_landed(
    settings: Settings,
    run_id: str,
    destination: str | None = None,
    publish: bool = False,
    settled: Settled = lambda loaded: None,
) -> Loaded:
    """Load a run that has landed; one that is loaded stays as it is.

    It is looked for where the catalogue says that it has landed, else in the settings' destination;
    ``destination`` is looked at instead of both. A run that an audit held back is not published.

    Raises:
        UnknownRun: it has not landed there, or not whole.
        DamagedRun: what has landed is not what the manifest says.
        ConfigurationError: a URL cannot be used, or a newer program wrote the manifest.
        RunInProgress: another run holds the warehouse's lock.
        StoreFailure: disk, destination or warehouse failed.
    """
    warehouse = ready_warehouse(settings.warehouse)
    known = _kept(warehouse, run_id)
    if known is not None and (known.status == "published" or not publish):
        return Loaded(known)
    lake = open_store(destination) if destination else _lake(settings, warehouse, run_id)
    manifest = read_manifest(lake, run_id)  # with one, its files stay, however the rest ends
    with _locked(settings, warehouse, lake, manifest) as (stores, work):
        loaded = _load(stores, manifest, work, publish)
        settled(loaded)
    return loaded


def load_all(
    settings: Settings,
    destination: str | None = None,
    publish: bool = False,
    settled: Settled = lambda loaded: None,
) -> LoadedAll:
    """Load every landed run that the warehouse never had, or only as a failed one, the oldest first.

    A damaged one is passed over. ``publish`` points readers at the newest landed run that no audit held
    back, unless they are at a newer one.

    Raises:
        ConfigurationError, RunInProgress, StoreFailure: as above; what is loaded by then stays.
    """
    warehouse = ready_warehouse(settings.warehouse)
    url = destination or settings.lake
    landed = list(landed_runs(open_store(url)))
    had = _had(warehouse)
    result = LoadedAll()
    for run_id in landed:
        if run_id not in had:
            try:
                result.loaded.append(load_landed(settings, run_id, url, settled=settled).run)
            except DamagedRun as error:
                result.damaged[run_id] = error
    published = _publish_newest(settings, warehouse, url, landed, settled) if publish else None
    return LoadedAll(result.loaded, result.damaged, published)


def _kept(warehouse: Warehouse, run_id: str) -> Run | None:
    with warehouse.engine.connect() as connection:
        return runs.find_loaded(connection, run_id)


def _had(warehouse: Warehouse) -> set[str]:
    """Return the runs that the warehouse has, or had until they were pruned."""
    had = or_(run_table.c.status != "failed", run_table.c.pruned_at.is_not(None))
    with warehouse.engine.connect() as connection:
        return set(connection.execute(select(run_table.c.run_id).where(had)).scalars())


def _lake(settings: Settings, warehouse: Warehouse, run_id: str) -> ObjectStore:
    mine = select(run_table.c.location).where(run_table.c.run_id == run_id)
    with warehouse.engine.connect() as connection:
        known = connection.execute(mine).scalar_one_or_none()
    return landed_store(run_id, known) if known else open_store(settings.lake)


@contextmanager
def _locked(
    settings: Settings, warehouse: Warehouse, lake: ObjectStore, manifest: Manifest
) -> Iterator[tuple[Stores, Path]]:
    """Hold the lock for a run, and give it a folder to work in; a failure is put on record."""
    engine, work_root, run_id = warehouse.engine, settings.home / "work", manifest.run_id
    warehouse.check(lake.url)
    keeper = lock_keeper(warehouse, settings)
    recover = recovery(work_root, engine)
    with (
        run_lock(keeper, run_id, location(lake, run_id), recover) as lock,
        recorded(manifest.identity("failed", None), lock, engine, lake),
        work_folder(work_root, run_id) as work,
        store_failures(work),
    ):
        yield Stores(warehouse, lake, lock), work


def _load(stores: Stores, manifest: Manifest, work: Path, publish: bool) -> Loaded:
    known = _kept(stores.warehouse, manifest.run_id)
    run = known or _load_rows(stores, manifest, work)
    if publish and not manifest.held:
        return Loaded(publish_run(stores, run.run_id), new=known is None, published=True)
    return Loaded(run, new=known is None, held=_held(manifest) if publish else None)


def _load_rows(stores: Stores, manifest: Manifest, work: Path) -> Run:
    check_sizes(stores.lake, manifest)
    landed = _landed_run(stores, manifest, work)
    where = location(stores.lake, manifest.run_id)
    values = {
        **manifest.identity("held", manifest.held or AWAITING_PUBLISH),
        **manifest.result(),
        "location": where,
    }
    return load_run(stores, values, landed, enter=readmit_run)


def _landed_run(stores: Stores, manifest: Manifest, work: Path) -> LandedRun:
    """Return the landed tables, fetched before any transaction where the warehouse does not fetch itself."""
    files = {
        table: together(
            [fetch(stores.lake, manifest, entry, work) for entry in manifest.of_table(table)], work
        )
        for table in RUN_TABLES
        if not stores.warehouse.capabilities.loads_landed
    }
    return LandedRun(
        manifest.run_id,
        {table: manifest.tables[table] for table in RUN_TABLES},
        lambda table: files[table],
        lambda table: f"{stores.lake.url}/{table_key(manifest.run_id, table)}",
        manifest.parts,
    )


def _held(manifest: Manifest) -> AuditHeld | None:
    if not manifest.held:
        return None
    message = f"run {manifest.run_id} is held back: {manifest.held}"
    return AuditHeld(message, f"'app etl publish {manifest.run_id}' publishes it nevertheless")


def _publish_newest(
    settings: Settings, warehouse: Warehouse, url: str, landed: list[str], settled: Settled
) -> Run | None:
    with warehouse.engine.connect() as connection:
        current = runs.current(connection)
    newer = [run_id for run_id in landed if current is None or run_id > current.run_id]
    for run_id in reversed(newer):
        if _kept(warehouse, run_id) and not read_manifest(open_store(url), run_id).held:
            return load_landed(settings, run_id, url, publish=True, settled=settled).run
    return None
