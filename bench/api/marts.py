"""Published marts to serve: the real delivery's, and those of samples."""

import json
import os
import sqlite3
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bench import cache
from bench.api.servers import app_serve, serving
from bench.etl import REAL, sample
from bench.measure import app, cost

#: Rows of a delivery that give about so many rows of company and year.
SMALL_ROWS, LARGE_ROWS = 50_000, 1_700_000
REAL_ROWS = 45_466
#: Tokens are good at any port.
ISSUER = "http://bench.invalid"
AS_IN_PRODUCTION = {"APP_RATE_LIMIT": "1000000/second", "APP_ACCESS_LOG": "on", "APP_DRAIN_DELAY": "0"}


@dataclass(frozen=True)
class Marts:
    """One published run in a home of its own; servers write their logs to ``logs``."""

    name: str
    home: Path
    logs: Path

    @property
    def environment(self) -> dict[str, str]:
        """Settings of the program: everything on, as in production."""
        return {"APP_HOME": str(self.home), "APP_ISSUER": ISSUER, **AS_IN_PRODUCTION}

    @property
    def store(self) -> Path:
        """The SQLite file that the program serves."""
        return self.home / "warehouse.sqlite"

    @property
    def landed(self) -> Path:
        """The folder of the run's Parquet files."""
        (run,) = (self.home / "lake" / "runs").iterdir()
        return run

    def table(self, name: str) -> Path:
        """Return the Parquet file of a table."""
        return self.landed / f"{name}.parquet"

    @property
    def title(self) -> str:
        """Name and size."""
        (rows,) = self.column("SELECT count(*) FROM mart_company_year")
        return f"{self.name}, {rows:,} company-year rows"

    def column(self, sql: str) -> list[Any]:
        """Return the first column of a statement's rows."""
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as connection:
            return [row[0] for row in connection.execute(sql)]

    @cached_property
    def bearer(self) -> Mapping[str, str]:
        """The header of a client of its own: made by the command line, its token by the real endpoint."""
        created = cost(app("clients", "create", "bench", "--scope", "marts:read", "--json"), self.environment)
        client = json.loads(created.output)
        credentials = b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
        form = urllib.parse.urlencode({"grant_type": "client_credentials"}).encode()
        with serving(app_serve(), self.environment, self.logs / "token.log", "/readyz") as server:
            url = f"{server.url}/oauth/token"
            request = urllib.request.Request(url, form, {"Authorization": f"Basic {credentials}"})
            with urllib.request.urlopen(request) as answer:
                return {"Authorization": f"Bearer {json.load(answer)['access_token']}"}


def real(folder: Path) -> Marts:
    """Publish the delivery of DELIVERY, else the real one, else a sample of its size."""
    given = os.environ.get("DELIVERY")
    if given or REAL.exists():
        return _published("the real delivery's marts", given or str(REAL), folder / "real", folder)
    delivery = sample(REAL_ROWS, folder)
    return _published("a sample of the real delivery's size", str(delivery), folder / "real", folder)


def small(folder: Path) -> Marts:
    """Publish a sample of about 50,000 company-year rows."""
    return _published("a small sample", str(sample(SMALL_ROWS, folder)), folder / "small", folder)


def large(folder: Path) -> Marts:
    """Return a published sample of about 1,000,000 company-year rows; made once, then kept."""

    def make(wanted: Path) -> None:
        delivery = sample(LARGE_ROWS, wanted)
        _published("", str(delivery), wanted / "home", folder)
        delivery.unlink()

    kept = cache.kept(f"marts-{LARGE_ROWS}", cache.marts_code(), make)
    return Marts("a large sample", kept / "home", folder)


def _published(name: str, delivery: str, home: Path, logs: Path) -> Marts:
    cost(app("etl", "run", delivery, "--json"), {"APP_HOME": str(home)})
    return Marts(name, home, logs)
