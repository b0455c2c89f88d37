"""Landing a run: its files below ``runs/<run_id>/`` of the destination, ``manifest.json`` last of all."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from app.errors import StoreFailure
from app.etl.engines.base import REJECTS
from app.etl.reports import REPORTS
from app.marts.tables import RUN_TABLES
from app.storage import ObjectStore, open_store

MANIFEST = "manifest.json"
REPORT_FOLDER = "report"


def run_prefix(run_id: str) -> str:
    """Return the key that every object of a run begins with."""
    return f"runs/{run_id}"


def table_key(run_id: str, table: str) -> str:
    """Return the key of a landed table, the rejects included."""
    return f"{run_prefix(run_id)}/{table}.parquet"


def report_key(run_id: str, report: str) -> str:
    """Return the key of a landed report."""
    return f"{run_prefix(run_id)}/{REPORT_FOLDER}/{report}"


def land(store: ObjectStore, run_id: str, folder: Path, manifest: Callable[[], Mapping[str, Any]]) -> None:
    """Store a run's tables, rejects and reports from ``folder``, then make and store its manifest.

    Raises:
        StoreFailure: the store failed, or the run has landed before.
    """
    for table in (*RUN_TABLES, REJECTS):
        store.put(table_key(run_id, table), folder / f"{table}.parquet")
    for report in REPORTS:
        store.put(report_key(run_id, report), folder / REPORT_FOLDER / report)
    data = orjson.dumps(manifest(), option=orjson.OPT_INDENT_2)
    if not store.put_if_absent(f"{run_prefix(run_id)}/{MANIFEST}", data):
        raise StoreFailure(f"run {run_id} has landed before", "run again: it gets another id")


def delete_landed(store: ObjectStore, run_id: str) -> None:
    """Delete every object of a run, its manifest first: what is left of it meanwhile is no landed run."""
    store.delete(f"{run_prefix(run_id)}/{MANIFEST}")
    store.delete_below(run_prefix(run_id))


def location(store: ObjectStore, run_id: str) -> str:
    """Return where a run has landed, as the catalogue keeps it."""
    return f"{store.url}/{run_prefix(run_id)}"


def landed_store(run_id: str, location: str) -> ObjectStore:
    """Open the store that a run has landed in."""
    return open_store(location.removesuffix(f"/{run_prefix(run_id)}") or "/")


def landed_or_deleted(store: ObjectStore, run_id: str) -> str | None:
    """Return where a run that did not end well has landed; without a manifest its files go."""
    if store.exists(f"{run_prefix(run_id)}/{MANIFEST}"):
        return location(store, run_id)
    delete_landed(store, run_id)
    return None
