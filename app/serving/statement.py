"""The SQL of a question: one compiled statement per shape, values bound when it runs.

SQLAlchemy builds and compiles a shape once (about a millisecond); SQLite's driver then runs the text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, false, or_, select, tuple_
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect

from app.serving.conditions import Clause, Lookup
from app.serving.listings import View
from app.serving.query import Order, Query
from app.serving.relations import Columns

_DIALECT = sqlite_dialect(paramstyle="named")


@dataclass(frozen=True)
class Compiled:
    """SQL text with named parameters, and the values of those that the statement itself brought."""

    sql: str
    constants: Mapping[str, Any]


@dataclass(frozen=True)
class Shape:
    """Everything of a question that changes its SQL. ``nulls``: which values of the last row were null."""

    view: View
    columns: tuple[str, ...]
    order: tuple[Order, ...]
    clauses: tuple[Clause, ...]
    nulls: tuple[bool, ...] | None


def compiled(statement: Select[Any]) -> Compiled:
    """Compile a statement for SQLite."""
    result = statement.compile(dialect=_DIALECT)
    constants = {name: value for name, value in result.params.items() if value is not None}
    return Compiled(str(result), constants)


def columns(query: Query) -> tuple[str, ...]:
    """Return the columns to read: the fields asked for, then what else the order needs."""
    asked = [field.name for field in query.paging.fields]
    ordered = [item.field.name for item in query.paging.order]
    return (*asked, *(name for name in ordered if name not in asked))


def prepare(
    query: Query, run: int, after: Sequence[Any] | None, lookup: Lookup
) -> tuple[Compiled, dict[str, Any]]:
    """Return the statement of a page and what it binds, for the first page or after a row's sort values.

    One row more than the page tells whether it is cut.
    """
    values = dict(query.selection)
    clauses = []
    for condition in query.listing.conditions:
        if condition.name in values:
            clause, values[condition.name] = condition.given(values[condition.name], lookup)
            clauses.append(clause)
    nulls = None if after is None else tuple(value is None for value in after)
    shape = Shape(query.view, columns(query), query.paging.order, tuple(clauses), nulls)
    last = {_after(place): value for place, value in enumerate(after or ())}
    return _build(shape), {**values, **last, "run": run, "limit": query.paging.limit + 1}


@lru_cache(maxsize=1024)
def _build(shape: Shape) -> Compiled:
    relation = shape.view.relation(shape.columns, shape.clauses)
    page = (
        select(*(relation.columns[name].label(name) for name in shape.columns))
        .select_from(relation.source)
        .where(*relation.clauses)
        .order_by(*(_ordered(relation.columns, item) for item in shape.order))
        .limit(bindparam("limit"))
    )
    if shape.nulls is not None:
        page = page.where(_beyond(relation.columns, shape.order, shape.nulls))
    return compiled(page)


def _after(place: int) -> str:
    return f"after_{place}"


def _ordered(columns: Columns, item: Order) -> ColumnElement[Any]:
    column = columns[item.field.name]
    directed = column.desc() if item.descending else column.asc()
    return directed.nulls_last() if item.field.nullable else directed


def _beyond(columns: Columns, order: Sequence[Order], nulls: Sequence[bool]) -> ColumnElement[bool]:
    """Select the rows after the last one: keyset pagination over mixed directions and nulls."""
    directions = {item.descending for item in order}
    if len(directions) == 1 and not any(item.field.nullable for item in order):
        row = tuple_(*(columns[item.field.name] for item in order))
        last = tuple_(*(bindparam(_after(place)) for place in range(len(order))))
        return row < last if directions == {True} else row > last
    return _expanded(columns, order, nulls, 0)


def _expanded(
    columns: Columns, order: Sequence[Order], nulls: Sequence[bool], place: int
) -> ColumnElement[bool]:
    item, column = order[place], columns[order[place].field.name]
    last: BindParameter[Any] = bindparam(_after(place))
    further: ColumnElement[bool] = column < last if item.descending else column > last
    same = column == last
    if nulls[place]:  # nothing comes after a null but its equals
        further, same = false(), column.is_(None)
    elif item.field.nullable:
        further = or_(further, column.is_(None))
    if place + 1 == len(order):
        return further
    return or_(further, and_(same, _expanded(columns, order, nulls, place + 1)))
