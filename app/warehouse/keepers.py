"""Where a run's lock is kept: a row of the warehouse, or an object of the destination.

Keys that a warehouse does not enforce let two runs insert the same row; an object store creates, replaces and
deletes an object only where it is as expected (``If-None-Match``, ``If-Match``).
"""

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson
from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.database import transaction
from app.errors import StoreFailure
from app.marts.catalog import run_lock_table as lock
from app.storage import ObjectStore
from app.warehouse.base import Warehouse

NAME = "etl"
KEY = f"locks/{NAME}.json"


@dataclass(frozen=True)
class Holder:
    """A run that holds a lock, or did when it died. ``version`` tells its states apart."""

    run_id: str
    location: str
    machine: str
    process: str
    acquired_at: datetime
    heartbeat_at: datetime
    version: str = ""


class Keeper(Protocol):
    """Keeps one lock. Errors are those of the store or the database that it is kept in."""

    def holder(self) -> Holder | None:
        """Return who holds the lock, dead or alive. A holder that is loading does not make it wait."""
        ...

    def take(self, mine: Holder, instead_of: Holder | None) -> bool:
        """Give the lock to a run; return whether nobody but ``instead_of`` held it."""
        ...

    def refresh(self, run_id: str) -> None:
        """Say that the holder is alive. A lock that is another's by now is left alone."""
        ...

    def held_by(self, connection: Connection) -> str | None:
        """Return the holder's run id, within a transaction of the warehouse that depends on it."""
        ...

    def release(self, run_id: str) -> None:
        """Free the lock, where this run holds it."""
        ...


def keeper_of(warehouse: Warehouse, lake: ObjectStore) -> Keeper:
    """Return what keeps the lock of runs that go to a warehouse and a destination."""
    return RowKeeper(warehouse.engine) if warehouse.capabilities.enforces_keys else ObjectKeeper(lake)


class RowKeeper:
    """See ``Keeper``: a row whose key can be there once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def holder(self) -> Holder | None:
        """See ``Keeper``."""
        with self._engine.connect() as connection:
            found = connection.execute(select(lock).where(lock.c.name == NAME)).mappings().one_or_none()
        return Holder(**{name: value for name, value in found.items() if name != "name"}) if found else None

    def take(self, mine: Holder, instead_of: Holder | None) -> bool:
        """See ``Keeper``."""
        row = {name: value for name, value in asdict(mine).items() if name != "version"}
        try:
            with transaction(self._engine) as connection:
                if instead_of is not None:
                    connection.execute(delete(lock).where(lock.c.run_id == instead_of.run_id))
                connection.execute(insert(lock).values(name=NAME, **row))
        except IntegrityError:  # there can be one row: somebody was quicker
            return False
        return True

    def refresh(self, run_id: str) -> None:
        """See ``Keeper``."""
        with transaction(self._engine) as connection:
            mine = update(lock).where(lock.c.run_id == run_id)
            connection.execute(mine.values(heartbeat_at=datetime.now(UTC)))

    def held_by(self, connection: Connection) -> str | None:
        """See ``Keeper``: until the end of the transaction nobody can take it; only the heartbeat goes on."""
        holder = select(lock.c.run_id).with_for_update(read=True, key_share=True)
        return connection.execute(holder).scalar_one_or_none()

    def release(self, run_id: str) -> None:
        """See ``Keeper``."""
        with transaction(self._engine) as connection:
            connection.execute(delete(lock).where(lock.c.run_id == run_id))


class ObjectKeeper:
    """See ``Keeper``: an object that is only ever changed where its ETag is the one that was read."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def holder(self) -> Holder | None:
        """See ``Keeper``."""
        found = self._store.read(KEY)
        if found is None:
            return None
        try:
            return _holder(orjson.loads(found.data), found.etag)
        except (ValueError, TypeError, KeyError) as error:
            raise StoreFailure(
                f"{self._store.url}/{KEY} is no lock of a run", "delete it where no run is in progress"
            ) from error

    def take(self, mine: Holder, instead_of: Holder | None) -> bool:
        """See ``Keeper``."""
        if instead_of is None:
            return self._store.put_if_absent(KEY, _document(mine)) is not None
        return self._store.replace(KEY, _document(mine), instead_of.version) is not None

    def refresh(self, run_id: str) -> None:
        """See ``Keeper``."""
        found = self.holder()
        if found is not None and found.run_id == run_id:
            alive = replace(found, heartbeat_at=datetime.now(UTC))
            self._store.replace(KEY, _document(alive), found.version)

    def held_by(self, connection: Connection) -> str | None:
        """See ``Keeper``: of this moment; the holder's patience is longer than a transaction takes."""
        found = self.holder()
        return found.run_id if found else None

    def release(self, run_id: str) -> None:
        """See ``Keeper``."""
        found = self.holder()
        if found is not None and found.run_id == run_id:
            self._store.delete(KEY, found.version)


def _document(holder: Holder) -> bytes:
    return orjson.dumps({name: value for name, value in asdict(holder).items() if name != "version"})


def _holder(document: Any, version: str) -> Holder:
    times = {name: datetime.fromisoformat(document[name]) for name in ("acquired_at", "heartbeat_at")}
    return Holder(**{**document, **times}, version=version)
