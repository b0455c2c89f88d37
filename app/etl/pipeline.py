"""A run in its seven steps: extract, validate, transform, audit, land, load, publish."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Engine

from app.database import existing
from app.errors import AuditHeld, ConfigurationError
from app.etl import engines
from app.etl.audit import audit
from app.etl.delivery import Delivery, fill_period, find
from app.etl.engines import Landing, Transformed, Workplace
from app.etl.failures import store_failures
from app.etl.incremental.last import Changes, LastRun
from app.etl.incremental.memory import keep, recall
from app.etl.landing import land, location, table_key
from app.etl.loading import AWAITING_PUBLISH, Stores, load_run, lock_keeper, publish_run
from app.etl.options import RunOptions
from app.etl.progress import Progress, unwatched
from app.etl.record import RunRecord, recorded, recovery
from app.etl.reports import REPORT_FOLDER, write_reports
from app.etl.retention import keep_newest
from app.etl.row_hashes import RowHashStore, open_row_hashes
from app.etl.work import work_folder
from app.marts.tables import RUN_TABLES
from app.settings import Settings
from app.storage import ObjectStore, open_store
from app.warehouse import runs
from app.warehouse.base import LandedRun
from app.warehouse.lock import run_lock
from app.warehouse.opening import ready_warehouse
from app.warehouse.runs import Run

NOT_ASKED = "not published: --no-publish"


@dataclass(frozen=True)
class Outcome:
    """How a run ended: the run, whether there was nothing to do, and what held it back, if anything did.

    ``pruned`` are the ids of the runs that were deleted after it (``APP_KEEP_RUNS``). ``changes`` counts its
    movies against those of the last run, where one is known.
    """

    run: Run
    no_op: bool = False
    held: AuditHeld | None = None
    pruned: tuple[str, ...] = ()
    changes: Changes | None = None


def run_delivery(
    settings: Settings,
    source: str,
    options: RunOptions,
    progress: Progress = unwatched,
    settled: Callable[[Outcome], None] = lambda outcome: None,
    destination: str | None = None,
) -> Outcome:
    """Turn a delivery into a published run. ``progress`` is told how far reading got.

    It lands under ``destination``, that of the settings unless given.

    ``settled`` is told how the run ended, a dry one aside, before older runs are deleted for it.

    Raises:
        ConfigurationError: an option or a URL cannot be used.
        UnreadableDelivery: the delivery is unreadable as a whole.
        RunInProgress: another run holds the warehouse's lock.
        StoreFailure: disk, destination or warehouse failed.
        SumOverflow: a sum is beyond 2^63-1.
    """
    source = fill_period(source, options.as_of)
    engines.open_engine(options.engine)  # a wrong name is told even where there is nothing to do
    lake = open_store(destination or settings.lake)
    if options.dry_run:
        return _dry_run(settings, lake, source, RunRecord(options), progress)
    lake.check()
    warehouse = ready_warehouse(settings.warehouse)
    warehouse.check(lake.url)
    record = RunRecord(options)
    row_hashes = open_row_hashes(settings, lake.url)
    work_root = settings.home / "work"
    recover = recovery(work_root, warehouse.engine)
    keeper = lock_keeper(warehouse, settings)
    with run_lock(keeper, record.run_id, location(lake, record.run_id), recover) as lock:
        with (
            recorded(record.identity("failed", None), lock, warehouse.engine, lake),
            work_folder(work_root, record.run_id) as work,
            store_failures(work),
        ):
            place = Workplace(work, settings.memory, Landing(lake.url, record.run_id))
            outcome = _run(Stores(warehouse, lake, lock), row_hashes, source, record, place, progress)
        settled(outcome)
        if settings.keep_runs and not outcome.no_op:
            pruned = keep_newest(warehouse, settings.keep_runs)
            outcome = replace(outcome, pruned=tuple(run.run_id for run in pruned))
    return outcome


def _run(
    stores: Stores,
    row_hashes: RowHashStore,
    source: str,
    record: RunRecord,
    place: Workplace,
    progress: Progress,
) -> Outcome:
    current = _current(stores.warehouse.engine)
    delivery = _extract(source, record, place.folder, progress)
    if _is_same(current, delivery, record):
        return Outcome(_known(current), no_op=True)
    last = _recall(row_hashes, stores.lake, record, place.folder, current)
    result = _transform(delivery, record, replace(place, last=last), progress)
    findings = _audit(result, record, current)
    reason = "; ".join(findings) or (AWAITING_PUBLISH if record.options.publish else NOT_ASKED)
    run = _land_and_load(stores, delivery, result, record, reason)
    if record.options.publish and not findings:
        run = _publish(stores, record)
        if result.kept:
            keep(row_hashes, stores.lake, record.run_id, record.options, result.kept)
    hint = f"'app etl rejects {run.run_id}' lists the rejects"
    return Outcome(run, held=_held(run, findings, hint), changes=result.changes)


def _recall(
    row_hashes: RowHashStore, lake: ObjectStore, record: RunRecord, work: Path, current: Run | None
) -> LastRun:
    with record.step("recall"):
        last = recall(row_hashes, lake, record.options, work)
    if record.options.keep_missing and current is not None and last.run_id != current.run_id:
        raise ConfigurationError(
            f"--keep-missing needs the movies of the published run {current.run_id}; they are not remembered",
            "leave out --full, or publish a run of a whole delivery without --keep-missing first",
        )
    return last


def _dry_run(
    settings: Settings, lake: ObjectStore, source: str, record: RunRecord, progress: Progress
) -> Outcome:
    """Stop after the audit; nothing is created, not even the warehouse."""
    warehouse = existing(settings.warehouse, "warehouse")
    current = _current(warehouse) if warehouse else None
    with work_folder(None, record.run_id) as work, store_failures(work):
        delivery = _extract(source, record, work, progress)
        if _is_same(current, delivery, record):
            return Outcome(_known(current), no_op=True)
        place = Workplace(work, settings.memory)
        if record.options.keep_missing:
            row_hashes = open_row_hashes(settings, lake.url)
            place = replace(place, last=_recall(row_hashes, lake, record, work, current))
        result = _transform(delivery, record, place, progress)
        findings = _audit(result, record, current)
    reason = "; ".join(["dry run", *findings])
    run = Run(seq=0, **record.held(delivery, result, reason, None))
    return Outcome(run, held=_held(run, findings, "a dry run keeps nothing"))


def _current(warehouse: Engine) -> Run | None:
    with warehouse.connect() as connection:
        return runs.current(connection)


def _known(run: Run | None) -> Run:
    assert run is not None  # noqa: S101 - only the current run can be the same
    return run


def _is_same(current: Run | None, delivery: Delivery, record: RunRecord) -> bool:
    return (
        not record.options.force
        and current is not None
        and current.fingerprint == record.fingerprint(delivery)
    )


def _extract(source: str, record: RunRecord, work: Path, progress: Progress) -> Delivery:
    with record.step("extract"):
        return find(source, work, progress)


def _transform(delivery: Delivery, record: RunRecord, place: Workplace, progress: Progress) -> Transformed:
    """Validate and transform: one pass of the engine does both."""
    with record.step("transform"):
        result = engines.open_engine(record.options.engine).transform(
            delivery, record.options, place, progress
        )
        delivery.check_unchanged()
    return result


def _audit(result: Transformed, record: RunRecord, current: Run | None) -> list[str]:
    with record.step("audit"):
        record.findings = audit(result, record.options, current.accepted if current else None)
    return record.findings


def _land_and_load(
    stores: Stores, delivery: Delivery, result: Transformed, record: RunRecord, reason: str
) -> Run:
    """Land the run and load it, at once where that can be; a load is final once the manifest is there."""
    stores.check_lock()
    values = record.held(delivery, result, reason, location(stores.lake, record.run_id))
    landed = _landed(stores.lake, result, record)
    with ThreadPoolExecutor(max_workers=1) as beside:
        landing = beside.submit(_land, stores.lake, delivery, result, record)
        if stores.warehouse.capabilities.loads_landed:
            landing.result()
        with record.step("load"):
            return load_run(stores, values, landed, landing.result)


def _landed(lake: ObjectStore, result: Transformed, record: RunRecord) -> LandedRun:
    return LandedRun(
        record.run_id,
        {name: result.tables[name] for name in RUN_TABLES},
        lambda table: result.folder / f"{table}.parquet",
        lambda table: f"{lake.url}/{table_key(record.run_id, table)}",
        lambda table: [Path(part.key).name for part in result.parts.get(table, ())],
    )


def _land(lake: ObjectStore, delivery: Delivery, result: Transformed, record: RunRecord) -> None:
    with record.step("report"):
        write_reports(result.folder, result.folder / REPORT_FOLDER)
    with record.step("land"):
        land(
            lake,
            record.run_id,
            result.folder,
            result.parts,
            lambda objects: record.manifest(delivery, result, objects),
        )


def _publish(stores: Stores, record: RunRecord) -> Run:
    with record.step("publish"):
        return publish_run(stores, record.run_id)


def _held(run: Run, findings: list[str], hint: str) -> AuditHeld | None:
    return AuditHeld(f"run {run.run_id} is held back: {'; '.join(findings)}", hint) if findings else None
