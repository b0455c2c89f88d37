"""The ways into Snowflake's landing tables: COPY, which a run drives, and Snowpipe, which it waits for."""

import time
from collections.abc import Mapping

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    String,
    Table,
    delete,
    func,
    literal,
    select,
    union_all,
)

from app.errors import ConfigurationError, StoreFailure
from app.marts.tables import RUN_TABLES
from app.warehouse.base import LandedRun
from app.warehouse.landed import check_arrived, file_columns, file_table

#: The external stage and the file format, both made by a migration.
STAGE = "landed"
FILE_FORMAT = "landed_parquet"

COPY, PIPE = "copy", "pipe"

#: Landing tables are shared by all runs: ``run_id`` tells whose file a row is from, ``way`` how it came: so
#: pipes beside a run that copies, or a file that came twice through one, are in nobody's way.
LANDING: Mapping[str, Table] = {
    name: file_table(
        name,
        "landing",
        Column("run_id", String(64), nullable=False),
        Column("way", String(4), nullable=False),
    )
    for name in RUN_TABLES
}

POLL_S = 5.0
_TWICE = "a file came in twice: 'app etl load {run}' with APP_SNOWFLAKE_INGEST=copy reads them anew"


def copy_files(connection: Connection, landed: LandedRun, stage_url: str) -> None:
    """Copy a run's files into the landing tables, in place of what a try before may have left there.

    Raises:
        ConfigurationError: the run has not landed below the stage's URL.
        StoreFailure: other counts of rows came than have landed.
    """
    for name, landing in LANDING.items():
        connection.execute(delete(landing).where(*of_run(landing, landed.run_id, COPY)))
        connection.exec_driver_sql(_copy(connection, name, landed, stage_url))
    check_arrived(landed, _arrived(connection, landed.run_id, COPY))


def of_run(landing: Table, run_id: str, way: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return what is true of the rows of a run that came one way."""
    return landing.c.run_id == run_id, landing.c.way == way


def _copy(connection: Connection, name: str, landed: LandedRun, stage_url: str) -> str:
    """Return the COPY of a table. FORCE: a file copied before is else skipped, its rows kept or not."""
    place = on_stage(landed.url(name), stage_url)
    folder, _, file = place.rpartition("/")
    parts = landed.parts(name)
    folder, files = (place, parts) if parts else (folder, [file])
    named = ", ".join(f"'{part}'" for part in files)
    types = connection.dialect.type_compiler_instance
    values = [f"$1:{column.name}::{types.process(column.type)}" for column in file_columns(name)]
    return (
        f"COPY INTO {LANDING[name].name} ({', '.join(LANDING[name].columns.keys())})"  # noqa: S608 - names of our own
        f" FROM (SELECT '{landed.run_id}', '{COPY}', {', '.join(values)} FROM @{STAGE}/{folder}/)"
        f" FILES = ({named}) FILE_FORMAT = (FORMAT_NAME = '{FILE_FORMAT}') FORCE = TRUE"
    )


def on_stage(url: str, stage_url: str) -> str:
    """Return the path of a URL on the stage; empty for the stage itself.

    Raises:
        ConfigurationError: it is elsewhere.
    """
    root = f"{stage_url.rstrip('/')}/"
    if "://" not in root or not f"{url}/".startswith(root):
        raise ConfigurationError(
            f"Snowflake reads what has landed below {stage_url}, and not {url}",
            "set APP_DESTINATION to the s3:// URL of its stage",
        )
    return f"{url}/".removeprefix(root).rstrip("/")


def wait_for_pipes(connection: Connection, landed: LandedRun, timeout_s: float) -> None:
    """Wait until Snowpipe has brought as many rows of each table as have landed.

    Raises:
        StoreFailure: they did not all come in time, or more came than have landed.
    """
    until = time.monotonic() + timeout_s
    while True:
        arrived = _arrived(connection, landed.run_id, PIPE)
        connection.rollback()
        if any(arrived[name] > rows for name, rows in landed.rows.items()):
            check_arrived(landed, arrived, _TWICE.format(run=landed.run_id))
        if arrived == dict(landed.rows):
            return
        left = until - time.monotonic()
        if left <= 0:
            _fail_late(landed, arrived, timeout_s)
        time.sleep(min(POLL_S, left))


def _fail_late(landed: LandedRun, arrived: Mapping[str, int], timeout_s: float) -> None:
    try:
        check_arrived(landed, arrived)
    except StoreFailure as error:
        raise StoreFailure(
            f"{error.message} after {timeout_s:g} s",
            f"see SYSTEM$PIPE_STATUS of the pipes, then 'app etl load {landed.run_id}'; a run waits for"
            " APP_INGEST_TIMEOUT",
        ) from None


def _arrived(connection: Connection, run_id: str, way: str) -> dict[str, int]:
    """Return how many rows of a run each landing table has, all at one moment."""
    counts = [
        select(literal(name, String).label("name"), func.count().label("rows_"))
        .select_from(landing)
        .where(*of_run(landing, run_id, way))
        for name, landing in LANDING.items()
    ]
    return {name: int(rows) for name, rows in connection.execute(union_all(*counts))}
