"""Landing a run: its files below ``runs/<run_id>/`` of the destination, ``manifest.json`` last of all.

And what has landed, as manifests have it.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from app.errors import StoreFailure, UnknownRun, near_miss
from app.etl.engines.base import Part
from app.etl.manifest import TABLES, Manifest, ObjectEntry, parse, report_object, table_object
from app.etl.reports import REPORTS
from app.storage import ObjectStore, open_store

MANIFEST = "manifest.json"
_RUNS = "runs"
#: Runs named where another one was asked for.
_NAMED = 5


def run_prefix(run_id: str) -> str:
    """Return the key that every object of a run begins with."""
    return f"{_RUNS}/{run_id}"


def table_key(run_id: str, table: str) -> str:
    """Return the key of a landed table, the rejects included."""
    return object_key(run_id, table_object(table))


def report_key(run_id: str, report: str) -> str:
    """Return the key of a landed report."""
    return object_key(run_id, report_object(report))


def object_key(run_id: str, key: str) -> str:
    """Return the key of an object of a run from what it has behind the run's own prefix."""
    return f"{run_prefix(run_id)}/{key}"


def land(
    store: ObjectStore,
    run_id: str,
    folder: Path,
    parts: Mapping[str, Sequence[Part]],
    manifest: Callable[[Sequence[ObjectEntry]], Manifest],
) -> None:
    """Store a run's tables, rejects and reports from ``folder``, then make and store its manifest.

    Tables that are in ``parts`` have landed already.

    Raises:
        StoreFailure: the store failed, or the run has landed before.
    """
    keys = [table_object(table) for table in TABLES if table not in parts]
    objects = [
        ObjectEntry(key=part.key, size=part.size, sha256=part.sha256)
        for of_table in parts.values()
        for part in of_table
    ]
    objects += [_put(store, run_id, key, folder / key) for key in (*keys, *map(report_object, REPORTS))]
    if not store.put_if_absent(object_key(run_id, MANIFEST), manifest(objects).encoded()):
        raise StoreFailure(f"run {run_id} has landed before", "run again: it gets another id")


def _put(store: ObjectStore, run_id: str, key: str, path: Path) -> ObjectEntry:
    entry = ObjectEntry(key=key, size=path.stat().st_size, sha256=sha256(path))
    store.put(object_key(run_id, key), path)
    return entry


def sha256(path: Path) -> str:
    """Return the sha256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def local_table(store: ObjectStore, run_id: str, table: str, work: Path) -> Path:
    """Return a local file or folder with a landed table, fetched into the folder ``work`` where need be.

    Raises:
        StoreFailure: it is not there, or did not come.
    """
    key = table_key(run_id, table)
    parts = [item.key for item in store.below(key)]
    return together([store.local(part, work) for part in parts or [key]], work)


def together(files: Sequence[Path], work: Path) -> Path:
    """Return the only file, or a folder below ``work`` with nothing but these, in their order."""
    if len(files) == 1:
        return files[0]
    folder = Path(tempfile.mkdtemp(dir=work))
    for number, file in enumerate(files):
        (folder / f"{number:05}.parquet").symlink_to(file.absolute())
    return folder


def landed_runs(store: ObjectStore) -> Iterator[str]:
    """Return the ids of the runs that have landed whole, the oldest first."""
    for item in store.below(_RUNS):
        _, run_id, *rest = item.key.split("/")
        if rest == [MANIFEST]:
            yield run_id


def read_manifest(store: ObjectStore, run_id: str) -> Manifest:
    """Return the manifest of a run that has landed.

    Raises:
        UnknownRun: it has not landed there, or not whole.
        DamagedRun, ConfigurationError: as ``manifest.parse`` says.
        StoreFailure: the store failed.
    """
    key = object_key(run_id, MANIFEST)
    found = store.read(key) if _is_name(run_id) else None
    if found is None:
        raise _not_landed(store, run_id)
    return parse(found.data, run_id, f"{store.url}/{key}")


def _is_name(run_id: str) -> bool:
    """Say whether it can be a run's id at all, so that it leads nowhere but below its own prefix."""
    return "/" not in run_id and run_id not in {"", ".", ".."}


def _not_landed(store: ObjectStore, run_id: str) -> UnknownRun:
    if _is_name(run_id) and store.below(run_prefix(run_id)):
        return UnknownRun(
            f"run {run_id} did not finish landing: there is no {location(store, run_id)}/{MANIFEST}",
            "run its delivery again",
        )
    landed = list(landed_runs(store))[-_NAMED:]
    hint = near_miss(run_id, landed) if landed else "no run has landed there; see --destination"
    return UnknownRun(f"no run {run_id!r} has landed under {store.url}", hint)


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
