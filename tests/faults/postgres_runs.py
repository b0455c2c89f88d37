"""Runs of the program into a PostgreSQL that fails, or beside one that is killed, and what they may leave."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Engine, inspect, select

from app.database import open_engine
from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.marts.catalog import run_lock_table, run_table
from app.marts.tables import RUN_TABLES
from app.settings import Settings
from app.warehouse import runs
from tests.support.postgres import PostgresServer
from tests.support.program import Command, environment
from tests.support.small import movies
from tests.support.warehouses import loaded_runs, rows

#: Runs a delivery; where it calls a function, or right after it has, it runs a command of the system's first.
MEANWHILE = """
import json, pkgutil, subprocess, sys
place, name, moment, happening, delivery = sys.argv[1:]
owner = pkgutil.resolve_name(place)
original = getattr(owner, name)
def spoilt(*arguments, **options):
    result = original(*arguments, **options) if moment == "after" else None
    setattr(owner, name, original)
    subprocess.run(json.loads(happening), check=True, cwd="/")
    return result if moment == "after" else original(*arguments, **options)
setattr(owner, name, spoilt)
from app.cli.main import main
main(["etl", "run", delivery])
"""


@dataclass(frozen=True)
class Station:
    """A program with one published run of three movies, and a delivery of four that would follow it."""

    home: Path
    server: PostgresServer
    url: str

    @property
    def engine(self) -> Engine:
        """The warehouse."""
        return open_engine(self.url)

    @property
    def delivery(self) -> Path:
        """The delivery that follows."""
        return movies(self.home / "new.csv", 4)

    def run(self) -> runs.Run:
        """Run the delivery that follows, in this process."""
        settings = Settings(home=self.home, warehouse_url=SecretStr(self.url), _env_file=None)
        return run_delivery(settings, str(self.delivery), RunOptions()).run

    def run_while(self, place: str, name: str, moment: str, happening: list[str]) -> Command:
        """Run it, and have something happen before or after it calls a function, named as for Python."""
        done = subprocess.run(
            [sys.executable, "-c", MEANWHILE, place, name, moment, json.dumps(happening), str(self.delivery)],
            env=environment(self.home, APP_WAREHOUSE_URL=self.url),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Command(done.returncode, done.stdout, done.stderr)

    def published(self) -> int:
        """Return the movies of the published run, all of whose rows are there; nothing else is half there."""
        with self.engine.connect() as connection:
            run = runs.published(connection)
            counted = {name: len(rows(connection, name, run.seq)) for name in RUN_TABLES}
            assert counted == {name: run.tables[name] for name in RUN_TABLES}
            whole = select(run_table.c.seq).where(run_table.c.status != "failed")
            assert loaded_runs(connection) == set(connection.execute(whole).scalars())
            return run.accepted

    def litter(self) -> list[str]:
        """Return what a run that did not end well must not leave once another has ended well."""
        torn = [path for path in self.home.glob("lake/runs/*") if not (path / "manifest.json").is_file()]
        with self.engine.connect() as connection:
            locks = connection.execute(select(run_lock_table.c.run_id)).scalars().all()
            numbers = loaded_runs(connection)
            known = {f"{table.name}_run_{run}" for table in RUN_TABLES.values() for run in numbers}
            stray = {name for name in inspect(connection).get_table_names() if "_run_" in name} - known
        return [*map(str, torn), *map(str, self.home.glob("work/*")), *locks, *stray]


def stationed(home: Path, server: PostgresServer) -> Station:
    """Return a station after its first run."""
    station = Station(home, server, server.create())
    settings = Settings(home=home, warehouse_url=SecretStr(station.url), _env_file=None)
    run_delivery(settings, str(movies(home / "old.csv", 3)), RunOptions())
    return station
