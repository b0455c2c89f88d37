"""A PostgreSQL for benchmarks: Debian's, as it comes, in a folder of its own on a free port."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.database import open_engine, upgrade
from bench.api.servers import HOST, NotAvailable

_PROGRAMS = "/usr/lib/postgresql"


@contextmanager
def postgres() -> Iterator[str]:
    """Give the URL of an empty warehouse at head, until the end of the block.

    Raises:
        NotAvailable: there is no PostgreSQL on this machine.
    """
    found = sorted(Path(_PROGRAMS).glob("*/bin"))
    if not found:
        raise NotAvailable("PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="bench-pg-") as name:
        folder, password, port = Path(name), secrets.token_hex(16), _free_port()
        (folder / "password").write_text(password)
        if os.geteuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres", "postgres")
        login = ("--username=postgres", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}")
        _run(found[-1] / "initdb", folder, "--encoding=UTF8", "--no-locale", *login)
        listen = f"-c port={port} -c listen_addresses={HOST} -c unix_socket_directories={folder}"
        _run(
            found[-1] / "pg_ctl", folder, "start", "--wait", f"--log={folder / 'log'}", f"--options={listen}"
        )
        try:
            url = f"postgresql://postgres:{password}@{HOST}:{port}/postgres"
            upgrade(open_engine(url), "warehouse")
            yield url
        finally:
            _run(found[-1] / "pg_ctl", folder, "stop", "--wait", "--mode=fast")


def _run(program: Path, folder: Path, *arguments: str) -> None:
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    command = [*as_user, str(program), "-D", str(folder / "data"), *arguments]
    subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, timeout=120)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
