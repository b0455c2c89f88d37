"""ROAPI and Datasette, each in an environment of its own, on the same marts."""

import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

from bench import cache
from bench.api.load import Ask
from bench.api.marts import Marts
from bench.api.servers import HOST, PORT, NotAvailable

MARTS = ("year", "genre_year", "company_year", "company_genre_year")
DIMENSIONS = ("genre", "production_company")
INSTALLS_WITHIN_S = 300
_RUNS = {"m": "m.run = 1 AND ", "d": "d.run = 1 AND ", "g": "g.run = 1 AND "}


def roapi(marts: Marts) -> list[str]:
    """Return the command that serves the landed Parquet files; ROAPI holds them in memory.

    Raises:
        NotAvailable: it cannot be installed.
    """
    tables = {f"mart_{name}": name for name in MARTS} | {f"dim_{name}": name for name in DIMENSIONS}
    listed = [f"--table={table}={marts.landed / file}.parquet" for table, file in tables.items()]
    elsewhere = (f"--addr-postgres={HOST}:{{port2}}", f"--addr-flight-sql={HOST}:{{port3}}")
    return [str(_program("roapi")), f"--addr-http={HOST}:{PORT}", *elsewhere, *listed]


def datasette(marts: Marts) -> list[str]:
    """Return the command that serves the SQLite file as one that does not change.

    Raises:
        NotAvailable: it cannot be installed.
    """
    limits = {"sql_time_limit_ms": 30_000, "max_returned_rows": 20_000}
    settings = [word for name, value in limits.items() for word in ("--setting", name, str(value))]
    where = ("--host", HOST, "--port", PORT)
    return [str(_program("datasette")), "serve", "--immutable", str(marts.store), *where, *settings]


def roapi_ask(sql: str, csv: bool = False) -> Ask:
    """Return a question to ROAPI."""
    accept = {"Accept": "application/csv"} if csv else {}
    return Ask("/api/sql", accept, sql.format(m="", d="", g=""))


def datasette_ask(sql: str, csv: bool = False) -> Ask:
    """Return a question to Datasette."""
    query = {"sql": sql.format(**_RUNS)} | ({} if csv else {"_shape": "objects"})
    return Ask(f"/warehouse.{'csv' if csv else 'json'}?{urlencode(query)}")


def _program(name: str) -> Path:
    folder = cache.folder() / name
    program = folder / "bin" / name
    if not program.exists():
        shutil.rmtree(folder, ignore_errors=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", name]
        for command in ([sys.executable, "-m", "venv", str(folder)], pip):
            _run(command, name)
    return program


def _run(command: list[str], name: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALLS_WITHIN_S)
    except subprocess.TimeoutExpired:
        raise NotAvailable(f"installing {name} took more than {INSTALLS_WITHIN_S} s") from None
    except subprocess.CalledProcessError as error:
        raise NotAvailable(
            f"{name} was not installed: {error.stderr.strip().rpartition(chr(10))[2][:200]}"
        ) from None
