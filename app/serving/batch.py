"""Rows of a question as text, read in one step of SQLite."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from app.marts.definitions import Dimension, MatchOn
from app.serving import statement
from app.serving.fields import Field
from app.serving.formats import Format, Lines
from app.serving.query import Query
from app.serving.statement import Compiled
from app.serving.store import Snapshot
from app.warehouse.runs import Run

# One row more than asked for is read, which says whether there are more. A column beside the one ``max`` has
# the value of the row where that is reached (https://sqlite.org/lang_select.html#bareagg): of the last row.
_ROWS = """SELECT
  CAST(group_concat(line, {separator}) FILTER (WHERE place <= :batch) || {end} AS BLOB),
  count(*),
  max(CASE WHEN place <= :batch THEN place END),
  {order}
FROM (SELECT {line} AS line, row_number() OVER () AS place, {order} FROM ({page}))"""


@dataclass(frozen=True)
class Batch:
    """The text of so many rows, the sort values of the last one, and whether there are more."""

    text: bytes
    rows: int
    last: tuple[Any, ...]
    more: bool


def read(
    snapshot: Snapshot, query: Query, run: Run, after: Sequence[Any] | None, form: Format, rows: int
) -> Batch:
    """Read at most so many rows, the first ones or those after a row's sort values.

    Raises:
        InvalidParameters: a sum asked for does not fit 64 bits.
    """

    def lookup(dimension: Dimension, kind: MatchOn, value: str | int) -> list[int]:
        return snapshot.ids(dimension, kind, value, run)

    paging = replace(query.paging, limit=rows)
    page, values = statement.prepare(replace(query, paging=paging), run.seq, after, lookup)
    sql = _as_text(page.sql, form.lines, paging.fields, tuple(item.field.name for item in paging.order))
    ((text, count, last, *order),) = snapshot.rows(Compiled(sql, page.constants), {**values, "batch": rows})
    return Batch(text or b"", last or 0, tuple(order), count > rows)


@lru_cache(maxsize=1024)
def _as_text(page: str, lines: Lines, fields: Sequence[Field], order: Sequence[str]) -> str:
    """Return the SQL around a page's. Nothing in it is a client's: names are declared, values are bound."""
    return _ROWS.format(
        line=lines.row(fields), separator=lines.separator, end=lines.end, order=", ".join(order), page=page
    )
