"""``manifest.json``: what a run is and what of it has landed, enough to load it anywhere and to check it.

A table lands as one file, ``<table>.parquet``, or as a folder of that name whose parts are in the order of
the table's key.

``docs/runs.md`` explains its fields. It lands last of all: a run without one has not landed.
"""

from datetime import UTC
from typing import Annotated, Any, Literal

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_serializer
from pydantic import model_validator as validator

from app.errors import ConfigurationError, DamagedRun
from app.etl.engines.base import REJECTS
from app.etl.reports import REPORT_FOLDER, REPORTS
from app.marts.tables import RUN_TABLES
from app.warehouse.runs import Status, timestamp

#: The tables of a run that land, the rejects last.
TABLES = (*RUN_TABLES, REJECTS)

Count = Annotated[int, Field(ge=0, lt=2**63)]


def table_object(table: str) -> str:
    """Return the key of a landed table, the rejects included, below the run's own prefix."""
    return f"{table}.parquet"


def part_object(table: str, number: int) -> str:
    """Return the key of a part of a landed table, the rejects included, below the run's own prefix."""
    return f"{table_object(table)}/part-{number:05}.parquet"


def report_object(report: str) -> str:
    """Return the key of a landed report below the run's own prefix."""
    return f"{REPORT_FOLDER}/{report}"


def table_of(key: str) -> str | None:
    """Return the table that an object has rows of; None where it is a report."""
    name = key.partition("/")[0].removesuffix(".parquet")
    return name if name in TABLES else None


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class FileEntry(_Strict):
    """A file of the delivery."""

    path: str
    size: Count
    sha256: str


class ObjectEntry(_Strict):
    """A landed object; ``key`` is what its key has behind the run's own prefix."""

    key: str
    size: Count
    sha256: str


class Manifest(_Strict):
    """A landed run. ``held`` says why an audit held it back; null where none did."""

    format: Literal[1] = 1
    run_id: str
    as_of: str | None
    created_at: AwareDatetime
    source: str
    files: list[FileEntry]
    fingerprint: str
    options: dict[str, Any]
    engine: str
    held: str | None
    rows: Count
    accepted: Count
    rejects: dict[str, Count]
    without: dict[str, Count]
    tables: dict[str, Count]
    changes: dict[str, Count] | None = None
    objects: list[ObjectEntry]
    versions: dict[str, str]
    timings: dict[str, float]

    @field_serializer("created_at")
    def _time(self, at: AwareDatetime) -> str | None:
        return timestamp(at)

    @validator(mode="after")
    def _whole(self) -> "Manifest":
        if sorted(self.tables) != sorted(TABLES):
            raise ValueError(f"tables are not {', '.join(TABLES)}")
        for table in TABLES:
            keys = [entry.key for entry in self.of_table(table)]
            parts = [part_object(table, number) for number in range(len(keys))]
            if not keys or keys not in ([table_object(table)], parts):
                raise ValueError(f"objects are not {table_object(table)}, or its parts from 0 on")
        reports = [entry.key for entry in self.objects if table_of(entry.key) is None]
        if sorted(reports) != sorted(map(report_object, REPORTS)):
            raise ValueError(f"objects beside tables are not {', '.join(map(report_object, REPORTS))}")
        return self

    def of_table(self, table: str) -> list[ObjectEntry]:
        """Return the objects with the rows of a table, the rejects included, in the order of its key."""
        return sorted(
            (entry for entry in self.objects if table_of(entry.key) == table), key=lambda entry: entry.key
        )

    def parts(self, table: str) -> list[str]:
        """Return the names of a table's parts in their folder; none where it is one file."""
        return [name for entry in self.of_table(table) if (name := entry.key.partition("/")[2])]

    def encoded(self) -> bytes:
        """Return the content of ``manifest.json``."""
        return orjson.dumps(self.model_dump(), option=orjson.OPT_INDENT_2)

    def identity(self, status: Status, reason: str | None) -> dict[str, Any]:
        """Return the part of the run's catalogue row that says which run it is."""
        return {
            "run_id": self.run_id,
            "status": status,
            "reason": reason,
            "as_of": self.as_of,
            "created_at": self.created_at.astimezone(UTC),
            "published_at": None,
            "pruned_at": None,
            "options": self.options,
            "engine": self.engine,
        }

    def result(self) -> dict[str, Any]:
        """Return the rest of the catalogue row, without where the run has landed."""
        columns = {"rows", "accepted", "rejects", "without", "tables", "files", "fingerprint"}
        return self.model_dump(include=columns)


def parse(data: bytes, run_id: str, where: str) -> Manifest:
    """Read the manifest of a run; ``where`` names it in errors.

    Raises:
        DamagedRun: it is no manifest, or that of another run.
        ConfigurationError: another version of the program wrote it in another format.
    """
    try:
        _refuse_other_format(data, where)
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, problem["loc"])) or "the document"
        raise _damaged(where, f"{place}: {problem['msg']}") from error
    if manifest.run_id != run_id:
        raise _damaged(where, f"it is the manifest of run {manifest.run_id}")
    return manifest


def _refuse_other_format(data: bytes, where: str) -> None:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _damaged(where, f"no JSON: {error}") from error
    known = document.get("format") if isinstance(document, dict) else None
    if type(known) is int and known != 1:
        raise ConfigurationError(
            f"{where} has format {known}, and this program reads 1",
            "use the program that wrote it, or a newer one",
        )


def _damaged(where: str, problem: str) -> DamagedRun:
    return DamagedRun(f"{where}: {problem}", "restore the run's landed files, or run its delivery again")
