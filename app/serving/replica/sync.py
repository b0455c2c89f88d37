"""One pass of keeping a replica: compare the warehouse with the file, and bring the file up to date."""

import logging
import time

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from app.database import ready, transaction
from app.errors import AppError, StoreFailure
from app.serving.replica.build import build, discard, sweep
from app.serving.replica.place import Place, open_file
from app.warehouse.base import Warehouse
from app.warehouse.mirror import Contents, Mark, read_contents, read_mark, write_contents

#: So long a file that was replaced stays, for whoever opened it just before.
KEPT_FOR_S = 10.0
#: How often a pass begins again because a run was pruned while it was copied.
_ATTEMPTS = 3
log = logging.getLogger(__name__)


class Replica:
    """The replica of a warehouse. It has one writer, which lives in a process of its own: see ``keeper``."""

    def __init__(self, warehouse: Warehouse, place: Place) -> None:
        self._warehouse = warehouse
        self._place = place
        self._asking: Connection | None = None
        self._mark: Mark | None = None
        self._checked = False
        self._sweep_at = time.monotonic() + KEPT_FOR_S
        self.contents: Contents | None = None

    def sync(self) -> bool:
        """Bring the file up to date, and return whether anything was to be done.

        Raises:
            StoreFailure: the warehouse has not all rows of a run, or the file cannot be opened.
            DBAPIError: the warehouse cannot be read, or the file not written.
            OSError: the file cannot be written.
        """
        mark = self._ask()
        self._clean()
        if mark == self._mark and self._place.store.is_file():
            return False
        for attempt in range(1, _ATTEMPTS + 1):
            contents = self._read()
            try:
                done = self._follow(contents)
            except StoreFailure:
                if attempt == _ATTEMPTS or self._read().mark == contents.mark:
                    raise
            else:
                self._mark, self.contents = contents.mark, contents
                return done
        raise AssertionError  # the last attempt returns or raises

    def close(self) -> None:
        """Let go of the warehouse."""
        if self._asking is not None:
            self._asking.close()
        self._warehouse.engine.dispose()

    def _ask(self) -> Mark:
        """Ask over a connection that stays open: to open one costs more than to ask."""
        if self._asking is None:
            self._asking = self._warehouse.engine.connect()
        mark = read_mark(self._asking)
        self._asking.rollback()
        return mark

    def _read(self) -> Contents:
        with self._warehouse.engine.connect() as connection:
            return read_contents(connection)

    def _follow(self, contents: Contents) -> bool:
        present = self._present()
        if present == contents:
            return False
        if present is not None and not contents.follows(present):
            log.warning("the warehouse was made anew, and so is its replica")
            present = None
        held = None if present is None else present.loaded.keys()
        if held == contents.loaded.keys():
            with transaction(open_file(self._place.store)) as connection:
                write_contents(connection, contents)
        else:
            build(self._place, self._warehouse, contents, held)
            self._sweep_at = time.monotonic() + KEPT_FOR_S
        return True

    def _present(self) -> Contents | None:
        """Return what the file holds; None where there is none that can be used."""
        if not self._place.store.is_file():
            return None
        try:
            engine = ready(open_file(self._place.store), "warehouse")
            if not self._checked:
                _check(engine)
                self._checked = True
            with engine.connect() as connection:
                return read_contents(connection)
        except (AppError, DBAPIError) as error:
            log.warning("the replica is made anew: %s", error)
            return None

    def _clean(self) -> None:
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = float("inf")
            discard(self._place)
            sweep(self._place)


def _check(engine: Engine) -> None:
    """Raise StoreFailure where a disk or a machine that failed has spoilt the file."""
    with engine.connect() as connection:
        found: str = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if found != "ok":
        raise StoreFailure(f"the file is damaged: {found}")
