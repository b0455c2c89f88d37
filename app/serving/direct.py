"""Reading marts where they are: in the warehouse itself, for those that are too large to copy.

The local store still has the catalogue and the dimensions, so what is published, pinned or unchanged is known
without asking. Only rows of marts come from the warehouse, by a lane: its drivers wait for the network.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol

import orjson
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.database import limit_statements
from app.errors import StoreFailure
from app.marts.catalog import run_table
from app.marts.definitions import MAX_SUM
from app.serving.errors import StatementTimeout, invalid
from app.serving.portable import unlisted
from app.serving.statement import Compiled, Shape, page

#: A connection that was not used for so long is tried before it is.
_TRUSTED_S = 1.0
#: SQLSTATE of a statement that was ended (PostgreSQL, appendix A).
_CANCELLED = "57014"


class Marts(Protocol):
    """Where one question finds the rows of marts that are not in the store."""

    @property
    def connection(self) -> Connection:
        """A connection for this question.

        Raises:
            StatementTimeout: not here, where nobody may wait.
        """


class Source(Protocol):
    """Where questions find them."""

    def asked(self) -> AbstractContextManager[Marts]:
        """Give one question its way there.

        Raises:
            StatementTimeout: the warehouse ended a statement.
            StoreFailure: the warehouse does not answer.
        """


class NotHere:
    """For the event loop: the question is asked again on a lane."""

    def asked(self) -> AbstractContextManager[Marts]:
        """See ``Source``."""
        return nullcontext(self)

    @property
    def connection(self) -> Connection:
        """See ``Marts``."""
        raise StatementTimeout("the warehouse is asked on a thread")


class Direct:
    """The warehouse, read itself. Connections are kept for the questions to come."""

    def __init__(self, engine: Engine, timeout_s: float) -> None:
        """``timeout_s`` is the time that a statement may take."""
        self._engine = engine
        self._timeout_s = timeout_s
        self._idle: list[tuple[Connection, float]] = []
        self._closed = False

    @contextmanager
    def asked(self) -> Iterator[Marts]:
        """See ``Source``."""
        asked = _Asked(self._take)
        try:
            yield asked
        except DBAPIError as error:
            if isinstance(error.orig, sqlite3.Error):  # the store's own
                raise
            raise _failure(error) from error
        finally:
            if asked.open is not None:
                self._give_back(asked.open)

    def close(self) -> None:
        """Close the connections that nobody uses, and from now on the others after use."""
        self._closed = True
        while self._idle:
            _close(self._idle.pop()[0])

    def _take(self) -> Connection:
        """Return a connection that works; the server may have ended those that waited."""
        while self._idle:
            connection, since = self._idle.pop()
            try:
                if time.monotonic() - since > _TRUSTED_S:
                    limit_statements(connection, self._timeout_s)
            except DBAPIError:
                _close(connection)
            else:
                return connection
        connection = self._engine.connect()
        limit_statements(connection, self._timeout_s)
        return connection

    def _give_back(self, connection: Connection) -> None:
        with suppress(SQLAlchemyError):  # such a connection is found out when it is taken again
            connection.rollback()
        if connection.invalidated or self._closed:
            _close(connection)
        else:
            self._idle.append((connection, time.monotonic()))


def _close(connection: Connection) -> None:
    with suppress(SQLAlchemyError):  # it is gone already
        connection.close()


class _Asked:
    """Connects when that is needed first."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self.open: Connection | None = None

    @property
    def connection(self) -> Connection:
        """See ``Marts``."""
        if self.open is None:
            self.open = self._connect()
        return self.open


def _failure(error: DBAPIError) -> StoreFailure | StatementTimeout:
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    if state == _CANCELLED:
        return StatementTimeout("this takes too much of the warehouse's time", "ask for less at once")
    return StoreFailure("the warehouse cannot be read", "see the server's log")


def rows_of(
    connection: Connection, shape: Shape, values: Mapping[str, Any]
) -> tuple[Compiled, dict[str, Any]]:
    """Read a page from the warehouse; return a statement that gives the store the same rows, and its values.

    Raises:
        InvalidParameters: a sum asked for does not fit 64 bits.
        StoreFailure: the run was pruned meanwhile.
    """
    several = {clause.name for clause in shape.clauses if clause.operator == "in"}
    bound = {name: unlisted(value) if name in several else value for name, value in values.items()}
    found = connection.execute(page(shape), bound)
    rows = [[_integer(value) for value in row] for row in found]
    check_kept(connection, values["run"])
    return _given(shape.shown.columns), {"rows": orjson.dumps(rows).decode()}


def check_kept(connection: Connection, *runs: int) -> None:
    """Check that the rows of these runs, by number, were all there: to be asked after they were read.

    The store hears of a pruned run a moment after its rows have gone; nobody may take that for an empty mart.

    Raises:
        StoreFailure: one of them was pruned.
    """
    kept = select(func.count()).where(run_table.c.seq.in_(runs), run_table.c.pruned_at.is_(None))
    if connection.execute(kept).scalar_one() != len(set(runs)):
        raise StoreFailure("a run was pruned while it was read", "ask again")


def _integer(value: Any) -> Any:
    """Return a whole decimal, as databases sum integers, as the integer that it is."""
    if isinstance(value, float):
        raise ArithmeticError(
            f"the warehouse returned {value!r}, a double, where a whole number was asked for"
        )
    if not isinstance(value, Decimal):
        return value
    whole = int(value)
    if whole != value:
        raise ArithmeticError(f"the warehouse returned {value} where a whole number was asked for")
    if abs(whole) > MAX_SUM:
        raise invalid("rollup", "a sum is beyond 2^63-1; select fewer years")
    return whole


@lru_cache(maxsize=1024)
def _given(columns: Sequence[str]) -> Compiled:
    cells = (f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(columns))
    return Compiled(f"SELECT {', '.join(cells)} FROM json_each(:rows)", {})  # noqa: S608 - names of our own
