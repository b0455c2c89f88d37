"""Keeping a run's movies and hashes for the next, and finding them again.

Movies and members are Parquet below ``movies/<run_id>/`` of the destination, hashes are in the row-hash
store. Nothing that goes wrong here fails a run: a warning says so, and the next run, or this one, is a full
one.
"""

import logging
from itertools import islice
from pathlib import Path

import polars as pl

from app.errors import AppError, StoreFailure
from app.etl.incremental.head import HEAD, Head, check_head, made_by, parse_head
from app.etl.incremental.last import MEMBER_SCHEMA, Kept, LastRun
from app.etl.incremental.packing import Damaged, MovieHashes, bucket_count, bucket_key, pack, unpack
from app.etl.landing import sha256
from app.etl.options import RunOptions
from app.etl.row_hashes import RowHashStore
from app.marts.definitions import ENTITIES
from app.storage import ObjectStore

_MOVIES = "movies"
#: Buckets packed before they are stored.
_BUCKETS_AT_ONCE = 32
log = logging.getLogger(__name__)


def movies_key(run_id: str, name: str = "") -> str:
    """Return the key of a file that is kept of a run; without a name, the prefix of all of them."""
    return f"{_MOVIES}/{run_id}/{name}"


def recall(store: RowHashStore, lake: ObjectStore, options: RunOptions, work: Path) -> LastRun:
    """Return what is known of the last run; files that have to be fetched go to ``work``.

    What is missing, damaged, of another program or of a run with other options is not used: a warning says
    so, but for where there is nothing at all.
    """
    if options.full:
        return LastRun()
    try:
        return _recalled(store, lake, options, work) or LastRun()
    except Damaged as error:
        reason = str(error)
    except (StoreFailure, pl.exceptions.PolarsError, OSError) as error:
        reason = getattr(error, "message", None) or str(error)
    log.warning("a full run: what the last run left in %s cannot be used: %s", store.url, reason)
    return LastRun()


def _recalled(store: RowHashStore, lake: ObjectStore, options: RunOptions, work: Path) -> LastRun | None:
    found = store.get_many([HEAD])[0]
    if found is None:
        return None
    head = parse_head(found)
    check_head(head, options)
    keys = [bucket_key(head.run_id, number) for number in range(bucket_count(head.count))]
    hashes = unpack(keys, store.get_many(keys))
    folder = work / "last-run"
    folder.mkdir()
    movies = tuple(_file(lake, head, name, digest, folder) for name, digest in head.movies.items())
    _check_order(hashes, head, movies)
    members = {
        entity.name: pl.read_parquet(
            _file(
                lake, head, f"{entity.name}.parquet", head.members.get(f"{entity.name}.parquet", ""), folder
            ),
            schema=MEMBER_SCHEMA,
            memory_map=False,
        )
        for entity in ENTITIES
    }
    return LastRun(head.run_id, bytes.fromhex(head.seed), hashes, movies, members)


def _file(lake: ObjectStore, head: Head, name: str, digest: str, folder: Path) -> Path:
    key = movies_key(head.run_id, name)
    if not lake.exists(key):
        raise Damaged(f"{lake.url}/{key} is missing")
    path = lake.local(key, folder)
    if sha256(path) != digest:
        raise Damaged(f"{lake.url}/{key} is damaged")
    return path


def _check_order(hashes: MovieHashes, head: Head, movies: tuple[Path, ...]) -> None:
    ids = [pl.read_parquet(path, columns=["id"], memory_map=False)["id"] for path in movies]
    found = pl.concat([pl.Series("id", [], dtype=pl.Int64), *ids])
    if len(hashes) != head.count or not found.equals(pl.Series("id", hashes.ids)):
        raise Damaged("hashes and movies are not of the same run")


def keep(store: RowHashStore, lake: ObjectStore, run_id: str, options: RunOptions, kept: Kept) -> None:
    """Keep a run that has been published for the next one, and delete what is kept of runs before.

    Where that fails a warning says so; the next run is a full one then, if what was kept before is not
    usable.
    """
    try:
        movies = _stored(lake, run_id, kept.movies)
        members = _stored(lake, run_id, kept.members)
        buckets = pack(run_id, kept.hashes)
        while some := dict(islice(buckets, _BUCKETS_AT_ONCE)):
            store.put_many(some)
        head = Head(
            run_id=run_id,
            made_by=made_by(),
            options=options.changing_rows(),
            seed=kept.seed.hex(),
            count=len(kept.hashes),
            movies=movies,
            members=members,
        )
        store.put_many({HEAD: head.model_dump_json().encode()})
        _forget_others(store, lake, run_id)
    except AppError as error:
        log.warning("run %s is published, and not all of it is kept for the next: %s", run_id, error.message)


def _stored(lake: ObjectStore, run_id: str, files: tuple[Path, ...]) -> dict[str, str]:
    for path in files:
        lake.put(movies_key(run_id, path.name), path)
    return {path.name: sha256(path) for path in files}


def _forget_others(store: RowHashStore, lake: ObjectStore, run_id: str) -> None:
    """Delete what is kept of all runs but one, also what a killed run may have left."""
    own = bucket_key(run_id, 0).rpartition("/")[0]
    store.delete([key for key in store.stored() if key != HEAD and key.partition("/")[0] != own])
    prefix = movies_key(run_id)
    for run in {found.key.split("/")[1] for found in lake.below(_MOVIES) if not found.key.startswith(prefix)}:
        lake.delete_below(movies_key(run).removesuffix("/"))
