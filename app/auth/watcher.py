"""Follows the accounts database, so that every process sees a revocation or a new key within a second."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy import Connection, Engine

from app.auth.trust import Trust, TrustedIssuer

POLL_S = 0.25
Identity = tuple[int, int]
log = logging.getLogger(__name__)


class Watcher:
    """Keeps the newest ``Trust`` in memory. A thread polls, so that no request ever waits for the database.

    While the database cannot be read the last state stays in force; ``lag_s`` says for how long.
    """

    def __init__(self, engine: Engine, read: Callable[[Connection], Trust]) -> None:
        self._engine = engine
        self._read = read
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="accounts-watcher", daemon=True)
        self._external: Mapping[str, TrustedIssuer] = {}
        self.refresh()

    @property
    def trust(self) -> Trust:
        """What is trusted now."""
        return self._trust

    @property
    def lag_s(self) -> float:
        """Seconds since the database could last be read."""
        return time.monotonic() - self._seen_at

    def start(self) -> None:
        """Begin to follow the database."""
        self._thread.start()

    def close(self) -> None:
        """Stop, and wait for the thread to end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def refresh(self) -> None:
        """Read the database now; what a refresh saw is never replaced by something older."""
        with self._lock, self._engine.connect() as connection:
            self._accounts = self._read(connection)
            self._trust = self._accounts.with_external(self._external)
            self._seen_at = time.monotonic()

    def include(self, issuer: TrustedIssuer) -> None:
        """Trust another issuer from now on, with these keys in place of those it had before."""
        with self._lock:
            self._external = {**self._external, issuer.issuer: issuer}
            self._trust = self._accounts.with_external(self._external)

    def _run(self) -> None:
        while not self._stop.is_set():
            file = _identity(self._engine)
            try:
                with self._engine.connect() as connection:
                    self._follow(connection, file)
            except Exception as error:  # a thread that died of one would never see a revocation again
                log.warning("the accounts database cannot be read, the last known state stays: %s", error)
                self._stop.wait(POLL_S)

    def _follow(self, connection: Connection, file: Identity | None) -> None:
        """Follow one connection until the file it reads is replaced, by a restored copy, say."""
        known: int | str | None = None
        while not self._stop.wait(POLL_S) and _identity(self._engine) in {None, file}:
            version = _version(connection)
            if version != known:
                self.refresh()
                known = version
            self._seen_at = time.monotonic()


def _identity(engine: Engine) -> Identity | None:
    """Return what tells a SQLite file from one put in its place; None where there is no file."""
    try:
        status = Path(engine.url.database or "").stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


#: What changes whenever another connection commits. On PostgreSQL, transactions that write have numbers, and a
#: snapshot says which of them have ended (https://www.postgresql.org/docs/15/functions-info.html).
_VERSIONS = {"sqlite": "PRAGMA data_version", "postgresql": "SELECT pg_current_snapshot()::text"}


def _version(connection: Connection) -> int | str:
    version: int | str = connection.exec_driver_sql(_VERSIONS[connection.dialect.name]).scalar_one()
    connection.rollback()
    return version
