"""The COPY of a table that has landed as a folder of parts: each of them is named."""

from pathlib import Path
from typing import Any

from snowflake.sqlalchemy.snowdialect import SnowflakeDialect

from app.warehouse.base import LandedRun
from app.warehouse.snowflake_landing import LANDING, copy_files

PARTS = ["part-00000.parquet", "part-00001.parquet"]


class Recorder:
    """A connection to nowhere, that tells of as many rows as have landed."""

    def __init__(self, rows: int) -> None:
        self.dialect = SnowflakeDialect()
        self.said: list[str] = []
        self._rows = rows

    def exec_driver_sql(self, statement: str) -> None:
        self.said.append(statement)

    def execute(self, statement: Any) -> Any:
        return [(name, self._rows) for name in LANDING]


def test_every_part_is_copied_from_its_folder() -> None:
    connection: Any = Recorder(rows=7)
    landed = LandedRun(
        "r1",
        dict.fromkeys(LANDING, 7),
        Path,
        lambda table: f"s3://lake/marts/runs/r1/{table}.parquet",
        lambda table: PARTS if table == "genre_year" else (),
    )
    copy_files(connection, landed, "s3://lake/marts")
    said = dict(zip(LANDING, connection.said, strict=True))
    assert "FROM @landed/runs/r1/genre_year.parquet/)" in said["genre_year"]
    assert "FILES = ('part-00000.parquet', 'part-00001.parquet') FILE_FORMAT" in said["genre_year"]
    assert "FROM @landed/runs/r1/)" in said["year"]
    assert "FILES = ('year.parquet') FILE_FORMAT" in said["year"]
