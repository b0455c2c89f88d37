"""Rows of a question as text, read in one step of SQLite."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from app.marts.definitions import Dimension
from app.serving import statement
from app.serving.conditions import Kind
from app.serving.formats import Format, Lines
from app.serving.query import Query, Shown
from app.serving.statement import Compiled
from app.serving.store import Snapshot
from app.warehouse.runs import Run

# The sort values of every row come beside the lines, one JSON array a line: those of the last one are at the
# end, and a window function that numbered the rows would take as long as all the rest.
_ROWS = """SELECT
  CAST(group_concat({line}, {separator}) AS BLOB),
  CAST(group_concat(json_array({order}), char(10)) AS BLOB),
  count(*)
FROM ({page})"""
#: Between the lines of a page, of which the last one is cut off where there are more: it is in no text.
_CUT = b"\0"


@dataclass(frozen=True)
class Batch:
    """The text of so many rows, and whether there are more: then the sort values of the last one."""

    text: bytes
    rows: int
    last: tuple[Any, ...]
    more: bool


def page(snapshot: Snapshot, query: Query, run: Run, after: Sequence[Any] | None, form: Format) -> Batch:
    """Read a page, the first one or that after a row's sort values: one row more tells whether it is cut.

    Raises:
        InvalidParameters: a sum asked for does not fit 64 bits.
    """
    limit = query.paging.limit
    text, ends, count = _read(snapshot, query, run, after, form, limit + 1, _CUT)
    more = count > limit
    if more:
        text, ends = text.rpartition(_CUT)[0], ends.rpartition(b"\n")[0]
    return _batch(form, text.replace(_CUT, form.lines.separator), ends, min(count, limit), more)


def part(
    snapshot: Snapshot, query: Query, run: Run, after: Sequence[Any] | None, form: Format, rows: int
) -> Batch:
    """Read so many rows of an export; where there are as many, there may be more.

    Raises:
        InvalidParameters: a sum asked for does not fit 64 bits.
    """
    text, ends, count = _read(snapshot, query, run, after, form, rows, form.lines.separator)
    return _batch(form, text, ends, count, count == rows)


def _batch(form: Format, text: bytes, ends: bytes, rows: int, more: bool) -> Batch:
    last = tuple(orjson.loads(ends.rpartition(b"\n")[2])) if more else ()
    return Batch(text + form.lines.end if rows else b"", rows, last, more)


def _read(
    snapshot: Snapshot,
    query: Query,
    run: Run,
    after: Sequence[Any] | None,
    form: Format,
    rows: int,
    separator: bytes,
) -> tuple[bytes, bytes, int]:
    """Return the lines of so many rows at most, their sort values, and how many they are."""

    def lookup(dimension: Dimension, kind: Kind, value: str | int) -> list[int]:
        ids = snapshot.ids(dimension, kind, value, run)
        only = query.restrictions.only.get(dimension.name) if query.restrictions else None
        return ids if only is None else [key for key in ids if key in only]

    shape, bound = statement.prepare(query, run.seq, after, lookup, rows, snapshot.lists)
    found, values = snapshot.page(shape, bound)
    ((text, ends, count),) = snapshot.rows(_as_text(found, form.lines, query.paging.shown, separator), values)
    return text or b"", ends or b"", count


@lru_cache(maxsize=1024)
def _as_text(page: Compiled, lines: Lines, shown: Shown, separator: bytes) -> Compiled:
    """Return the SQL around a page's. Nothing in it is a client's: names are declared, values are bound."""
    line, between = lines.row(shown.fields), f"CAST(x'{separator.hex()}' AS TEXT)"
    sql = _ROWS.format(line=line, separator=between, order=", ".join(shown.sorted_by), page=page.sql)
    return Compiled(sql, page.constants)
