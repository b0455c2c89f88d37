"""A run's tables as they land, written with pyarrow, which the program does not use for it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.storage import open_store
from app.warehouse.base import LandedRun
from tests.support.movies import KEYS, MEASURES, Movie, Row, stored

MILLIONTHS = ("popularity", "avg_popularity")
#: Columns of each table, as the manifest's reader finds them.
COLUMNS: Mapping[str, Sequence[str]] = {
    **{mart: (*key, *MEASURES) for mart, key in KEYS.items()},
    "genre": ("id", "name", "slug"),
    "production_company": ("id", "name"),
}


@contextmanager
def landed(
    run_id: str,
    movies: Sequence[Movie],
    missing: Mapping[str, int] = MappingProxyType({}),
    companies: Mapping[int, str] = MappingProxyType({}),
) -> Iterator[LandedRun]:
    """Give the files of a run of these movies, some companies under other names.

    So many rows of the tables named in ``missing`` are not in their files.
    """
    with TemporaryDirectory(prefix="landed-") as folder:
        rows = {name: stored(name, movies) for name in COLUMNS}
        for row in rows["production_company"]:
            row["name"] = companies.get(row["id"], row["name"])
        for name in COLUMNS:
            _write(Path(folder, f"{name}.parquet"), name, rows[name][missing.get(name, 0) :])
        counts = {name: len(found) for name, found in rows.items()}
        yield LandedRun(
            run_id,
            counts,
            lambda table: Path(folder, f"{table}.parquet"),
            lambda table: f"{folder}/{table}.parquet",
        )


def arrived(landed: LandedRun, table: str, folder: Path) -> Path:
    """Return a landed table as a warehouse gets it that reads it itself: from S3, if it is there."""
    address = landed.url(table)
    if not address.startswith("s3://"):
        return landed.file(table)
    root, _, name = address.rpartition("/")
    return open_store(root).local(name, folder)


def _write(path: Path, table: str, rows: Sequence[Row]) -> None:
    columns = {
        name: pa.array([_value(name, row[name]) for row in rows], _type(name)) for name in COLUMNS[table]
    }
    pq.write_table(pa.table(columns), path)


def _value(column: str, value: Any) -> Any:
    return Decimal(value).scaleb(-6) if column in MILLIONTHS and value is not None else value


def _type(column: str) -> pa.DataType:
    if column in MILLIONTHS:
        return pa.decimal128(19, 6)
    if column in {"name", "slug"}:
        return pa.large_string()
    return pa.int32() if column == "year" else pa.int64()
