"""A PostgreSQL of its own to measure, its settings as they come: as root it runs as the user ``postgres``."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgres() -> Iterator[str]:
    """Give the URL of an empty database until the end of the block.

    Raises:
        SystemExit: PostgreSQL is not installed.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not programs:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    is_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory(prefix="bench-pg-") as folder, socket.create_server(("", 0)) as taken:
        port: int = taken.getsockname()[1]
        taken.close()
        if is_root:
            shutil.chown(folder, "postgres", "postgres")

        def run(program: str, *arguments: str) -> None:
            as_user = ["runuser", "-u", "postgres", "--"] if is_root else []
            said = f"{folder}/said"
            command = [*as_user, str(programs[-1] / program), "-D", f"{folder}/data", *arguments]
            with Path(said).open("w") as output:  # a pipe would stay open as long as the server runs
                subprocess.run(command, check=True, cwd="/", stdout=output, stderr=output)

        run("initdb", "--username=postgres", "--auth=trust", "--no-locale", "--encoding=UTF8")
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}"
        run("pg_ctl", "start", "--wait", f"--log={folder}/log", f"--options={options}")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "stop", "--wait", "--mode=fast")
