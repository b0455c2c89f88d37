"""A real PostgreSQL in a folder of its own, on a free port: as root it runs as the user ``postgres``."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from app.database import HISTORIES, open_engine, upgrade
from tests.support.ports import free_port

PASSWORD = "correct-horse-battery"
TEMPLATE = "migrated"
#: Nothing here outlives the machine, so that nothing has to be synced to its disk.
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
}


def programs() -> Path | None:
    """Return the folder of PostgreSQL's own commands, the newest version's; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).parent if initdb else None


@dataclass
class PostgresServer:
    """A server that can be stopped at once and started again on the same data."""

    folder: Path
    port: int = field(default_factory=free_port)
    names: Iterator[int] = field(default_factory=count)
    password: str = PASSWORD

    _STOP = ("pg_ctl", "stop", "--wait", "--silent")

    def url(self, database: str = "postgres", user: str = "postgres", password: str = PASSWORD) -> str:
        """Return the URL of a database as settings have it."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def initialise(self) -> None:
        """Make the folder of its data."""
        pwfile = self.folder / "password"
        pwfile.write_text(PASSWORD)
        shutil.chown(self.folder, *self._owner)
        shutil.chown(pwfile, *self._owner)
        login = ("--username=postgres", "--auth=scram-sha-256", f"--pwfile={pwfile}")
        self._run("initdb", "--no-sync", "--no-locale", "--encoding=UTF8", *login)

    def start(self) -> None:
        """Start it and wait until it answers."""
        given = {**OPTIONS, "port": str(self.port), "unix_socket_directories": str(self.folder)}
        options = " ".join(f"-c {name}={value}" for name, value in given.items())
        self._run("pg_ctl", "start", "--wait", f"--log={self.folder / 'log'}", f"--options={options}")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; at once, as if it was killed, unless told otherwise. One that is stopped stays so."""
        if self.runs:
            self._run(*self._STOP, f"--mode={mode}")

    @property
    def runs(self) -> bool:
        """Whether it was started and not stopped."""
        return (self.folder / "data" / "postmaster.pid").exists()

    def stopping(self) -> list[str]:
        """Return the command that stops it at once, for another process to run."""
        return self._command(*self._STOP, "--mode=immediate")

    def create(self, template: str | None = TEMPLATE) -> str:
        """Create a database of its own, at head where the template is the migrated one; return its URL."""
        name = f"test_{next(self.names)}"
        self.ask(_create(name, self._template if template == TEMPLATE else template))
        return self.url(name)

    def ask(self, statement: sql.SQL | sql.Composed, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement outside of transactions and return its rows, if it has any."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []

    @cached_property
    def _template(self) -> str:
        self.ask(_create(TEMPLATE, None))
        for history in HISTORIES:
            upgrade(open_engine(self.url(TEMPLATE)), history)
        return TEMPLATE

    @property
    def _owner(self) -> tuple[str | int, str | int]:
        return ("postgres", "postgres") if os.geteuid() == 0 else (os.geteuid(), os.getegid())

    def _command(self, program: str, *arguments: str) -> list[str]:
        folder = programs()
        assert folder is not None
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        return [*as_user, str(folder / program), "-D", str(self.folder / "data"), *arguments]

    def _run(self, program: str, *arguments: str) -> None:
        # Its output goes to a file: a pipe would stay open as long as the server runs.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                self._command(program, *arguments),
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                check=False,
                timeout=120,
            )
            output.seek(0)
            assert done.returncode == 0, output.read()


def _create(name: str, template: str | None) -> sql.Composed:
    chosen = sql.Identifier(template or "template1")
    return sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), chosen)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server until the end of the block."""
    # Not in pytest's own folder, which other users may not enter.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = PostgresServer(Path(folder))
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()
