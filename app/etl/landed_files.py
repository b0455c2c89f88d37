"""Landed files, held against the manifest of their run."""

from collections.abc import Mapping
from pathlib import Path

from app.errors import DamagedRun
from app.etl.landing import object_key, run_prefix, sha256
from app.etl.manifest import Manifest, ObjectEntry
from app.storage import ObjectStore

_HINT = "restore it, or run the delivery again"


def sizes(lake: ObjectStore, run_id: str) -> Mapping[str, int]:
    """Return the size of every object of a run, by what its key has behind the run's own prefix."""
    prefix = f"{run_prefix(run_id)}/"
    return {item.key.removeprefix(prefix): item.size for item in lake.below(run_prefix(run_id))}


def check_sizes(lake: ObjectStore, manifest: Manifest) -> None:
    """Raise ``DamagedRun`` where a landed object is missing or has another size than the manifest says."""
    found = sizes(lake, manifest.run_id)
    for entry in manifest.objects:
        if entry.key not in found:
            raise DamagedRun(f"{_url(lake, manifest, entry)} is missing", _HINT)
        if found[entry.key] != entry.size:
            size = f"has {found[entry.key]} bytes, the manifest says {entry.size}"
            raise DamagedRun(f"{_url(lake, manifest, entry)} {size}", _HINT)


def fetch(lake: ObjectStore, manifest: Manifest, entry: ObjectEntry, work: Path) -> Path:
    """Return a local file of a landed object, fetched into ``work`` where need be.

    Raises:
        DamagedRun: its content is not what has landed.
        StoreFailure: the store failed.
    """
    path = lake.local(object_key(manifest.run_id, entry.key), work)
    if sha256(path) != entry.sha256:
        raise DamagedRun(f"{_url(lake, manifest, entry)} is not what has landed: its sha256 differs", _HINT)
    return path


def _url(lake: ObjectStore, manifest: Manifest, entry: ObjectEntry) -> str:
    return f"{lake.url}/{object_key(manifest.run_id, entry.key)}"
