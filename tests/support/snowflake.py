"""A fake of Snowflake (fakesnow) behind HTTP; the connector and the dialect that speak to it are real."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy.engine import URL, make_url

from app.database.snowflake import open_snowflake
from app.warehouse.base import LandedRun
from app.warehouse.snowflake import SnowflakeWarehouse
from tests.support.landed import arrived
from tests.support.ports import free_port
from tests.support.recorded import record
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / ".venv-fakesnow" / "bin" / "python"
INTEGRATION = "movie_marts_s3"


@dataclass
class SnowflakeServer:
    """A server whose databases come into being when they are connected to."""

    port: int = field(default_factory=free_port)
    names: Iterator[int] = field(default_factory=count)

    def url(self, stage_url: str, **options: str) -> str:
        """Return the URL of a new, empty database as settings make it of theirs."""
        query = {
            "warehouse": "loading",
            "role": "etl",
            "stage_url": stage_url,
            "storage_integration": INTEGRATION,
            "ingest": "copy",
            "ingest_timeout": "900",
            **options,
        }
        database = f"marts_{next(self.names)}/public"
        made = URL.create("snowflake", "etl", "secret", "127.0.0.1", self.port, database, query)
        return made.render_as_string(hide_password=False)

    @property
    def connect(self) -> dict[str, Any]:
        """What the connector must be told that no URL may say."""
        return {"protocol": "http", "account": "fake"}


@contextmanager
def snowflake_server() -> Iterator[SnowflakeServer]:
    """Run a server until the end of the block."""
    server = SnowflakeServer()
    started = [str(PROGRAM), "-I", str(Path(__file__).with_name("fakesnow_server.py")), str(server.port)]
    with (
        TemporaryDirectory(prefix="snowflake-") as folder,  # it makes one that nobody deletes
        subprocess.Popen(started, cwd=ROOT, env={**os.environ, "TMPDIR": folder}) as process,
    ):
        try:
            assert wait_until(lambda: _answers(server.port), 30)
            yield server
        finally:
            process.kill()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class FakeSnowflake(SnowflakeWarehouse):
    """The program's warehouse on an empty database; its stage is a folder, which the fake reads."""

    def __init__(self, server: SnowflakeServer, stage: Path, said: list[str] | None = None) -> None:
        engine = open_snowflake(make_url(server.url(stage.absolute().as_uri())), **server.connect)
        super().__init__(engine)
        self._stage = stage
        if said is not None:
            record(engine, said)

    def check(self, destination: str) -> None:
        """See ``Warehouse``: what lands on S3 is put on the stage, too."""
        assert destination.startswith("s3://")

    def stage(self, landed: LandedRun) -> None:
        """See ``Warehouse``: what is staged has landed before."""
        super().stage(replace(landed, url=lambda table: self._land(landed, table)))

    def _land(self, landed: LandedRun, table: str) -> str:
        file = self._stage / "runs" / landed.run_id / f"{table}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="snowflake-") as folder:
            shutil.copyfile(arrived(landed, table, Path(folder)), file)
        return file.absolute().as_uri()
