"""The SQL of a question: one statement per shape, values bound when it runs.

SQLAlchemy builds and compiles a shape once (about a millisecond); SQLite's driver then runs the text. A
warehouse that is read itself is given the same statement by SQLAlchemy.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, false, or_, select, tuple_
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect

from app.marts.tables import LEADERS
from app.serving.conditions import Clause, Lookup, keys_clause
from app.serving.listings import View
from app.serving.query import Order, Query, Shown
from app.serving.relations import Columns, Relation

_DIALECT = sqlite_dialect(paramstyle="named")


@dataclass(frozen=True, eq=False)
class Compiled:
    """SQL text with named parameters, and the values of those that the statement itself brought."""

    sql: str
    constants: Mapping[str, Any]


@dataclass(frozen=True)
class Shape:
    """Everything of a question that changes its SQL.

    ``nulls``: which values of the last row were null; ``lists``: whether there are the tables that a load
    works out; ``leaders``: whether the page fits in the leaders.
    """

    view: View
    shown: Shown
    clauses: tuple[Clause, ...]
    nulls: tuple[bool, ...] | None
    lists: bool
    leaders: bool


def compiled(statement: Select[Any]) -> Compiled:
    """Compile a statement for SQLite."""
    result = statement.compile(dialect=_DIALECT)
    constants = {name: value for name, value in result.params.items() if value is not None}
    return Compiled(str(result), constants)


def prepare(
    query: Query, run: int, after: Sequence[Any] | None, lookup: Lookup, rows: int, lists: bool = True
) -> tuple[Shape, dict[str, Any]]:
    """Return the shape of so many rows and what it binds, the first ones or after a row's sort values.

    Without ``lists``, the tables that the load of a SQLite file works out are not there to be read.
    """
    values = dict(query.selection)
    clauses = []
    for condition in query.listing.conditions:
        if condition.name in values:
            clause, values[condition.name] = condition.given(values[condition.name], lookup, lists)
            clauses.append(clause)
    within, allowed = _within(query)
    clauses, values = [*clauses, *within], {**values, **allowed}
    leaders = lists and after is None and rows <= LEADERS
    shape = Shape(query.view, query.paging.shown, tuple(clauses), nulls_of(after), lists, leaders)
    return shape, {**values, **last_row(after), "run": run, "limit": rows}


def _within(query: Query) -> tuple[list[Clause], dict[str, Any]]:
    """Return what keeps a question within the restrictions of its client, and what that binds."""
    if query.restrictions is None:
        return [], {}
    found = [
        keys_clause(f"only_{name}", query.listing.members[name], ids)
        for name, ids in query.restrictions.members
    ]
    return [clause for clause, _ in found], {clause.name: value for clause, value in found}


@lru_cache(maxsize=1024)
def of_shape(shape: Shape) -> Compiled:
    """Return the page of a shape, compiled for SQLite."""
    return compiled(page(shape))


@lru_cache(maxsize=1024)
def page(shape: Shape) -> Select[Any]:
    """Return a page, in ``shown.columns``: its rows first, then what is looked up for each of them.

    Rows that come in the order of the table need no sorting, and so are looked up on the way.
    """
    relation, shown = _relation(shape), shape.shown
    sorted_by = shown.sorted_by
    by_key = [_ordered(relation.columns, item) for item in shown.order if sorted_by == shape.view.key]
    if by_key and not relation.group:
        relation = relation.having(shown.columns)
        upwards = not any(item.descending for item in shown.order)
        return _page(shape, relation, shown.columns, (upwards and relation.sequence) or by_key)
    relation = relation.having(sorted_by, None if relation.group else _leads(shape))
    order = [_ordered(relation.columns, item) for item in shown.order]
    if not relation.later:
        return _page(shape, relation, shown.columns, order)
    rows = _page(shape, relation, relation.columns, order).subquery("page")
    whole = Relation(dict(rows.columns.items()), rows, later=relation.later).having(shown.columns)
    return (
        select(*(whole.columns[name].label(name) for name in shown.columns))
        .select_from(whole.source)
        .order_by(*(_ordered(whole.columns, item) for item in shown.order))
    )


def _relation(shape: Shape) -> Relation:
    if shape.leaders:
        order = [(item.field.name, item.descending) for item in shape.shown.order]
        found = shape.view.leading(order, shape.shown.columns, shape.clauses)
        if found is not None:
            return found
    relation = shape.view.relation if shape.lists else shape.view.without_lists or shape.view.relation
    return relation(shape.shown.columns, [_planned(clause, shape.shown.order) for clause in shape.clauses])


def _leads(shape: Shape) -> str | None:
    """Return the field in whose order a page is found soonest: the first one, if little else decides."""
    first, *others = shape.shown.order
    by_key = all(item.field.name in shape.view.key for item in others)
    hardly_filtered = all(clause.operator in {"from", "to"} for clause in shape.clauses)
    return first.field.name if by_key and hardly_filtered else None


def _planned(clause: Clause, order: Sequence[Order]) -> Clause:
    """Keep a range of years from choosing the index, but where it has the order, too.

    A page is found sooner in the order of the key, passing over other years, than by sorting all that match.
    """
    in_its_order = order[0].field.name == clause.column
    return clause if in_its_order or clause.operator not in {"from", "to"} else replace(clause, indexed=False)


def _page(
    shape: Shape, relation: Relation, names: Iterable[str], order: Iterable[ColumnElement[Any]]
) -> Select[Any]:
    page = (
        select(*(relation.columns[name].label(name) for name in names))
        .select_from(relation.source)
        .where(*relation.clauses)
        .group_by(*relation.group)
        .order_by(*order)
        .limit(bindparam("limit"))
    )
    if shape.nulls is None:
        return page
    beyond = _beyond(relation.columns, shape.shown.order, shape.nulls, whole_rows=shape.lists)
    of_keys = set(shape.shown.sorted_by) <= set(shape.view.key)
    return page.having(beyond) if relation.group and not of_keys else page.where(beyond)


def page_of(
    rows: Select[Any], columns: Columns, order: Sequence[Order], after: Sequence[Any] | None
) -> Select[Any]:
    """Return the rows of a page, at most ``:limit``, after those of ``last_row``."""
    page = rows.order_by(*(_ordered(columns, item) for item in order)).limit(bindparam("limit"))
    nulls = nulls_of(after)
    return page if nulls is None else page.where(_beyond(columns, order, nulls))


def nulls_of(after: Sequence[Any] | None) -> tuple[bool, ...] | None:
    """Return which sort values of a last row are null; None for the first page."""
    return None if after is None else tuple(value is None for value in after)


def last_row(after: Sequence[Any] | None) -> dict[str, Any]:
    """Return what a page binds for the sort values of the row before it."""
    return {_after(place): value for place, value in enumerate(after or ())}


def _after(place: int) -> str:
    return f"after_{place}"


def _ordered(columns: Columns, item: Order) -> ColumnElement[Any]:
    column = columns[item.field.name]
    directed = column.desc() if item.descending else column.asc()
    return directed.nulls_last() if item.field.nullable else directed


def _beyond(
    columns: Columns, order: Sequence[Order], nulls: Sequence[bool], whole_rows: bool = True
) -> ColumnElement[bool]:
    """Select the rows after the last one: keyset pagination over mixed directions and nulls.

    ``whole_rows``: the database finds rows after another by an index, and not every one compares rows at all.
    """
    directions = {item.descending for item in order}
    if whole_rows and len(directions) == 1 and not any(item.field.nullable for item in order):
        row = tuple_(*(columns[item.field.name] for item in order))
        last = tuple_(*(_last(columns, order, place) for place in range(len(order))))
        return row < last if directions == {True} else row > last
    return _expanded(columns, order, nulls, 0)


def _last(columns: Columns, order: Sequence[Order], place: int) -> BindParameter[Any]:
    return bindparam(_after(place), type_=columns[order[place].field.name].type)


def _expanded(
    columns: Columns, order: Sequence[Order], nulls: Sequence[bool], place: int
) -> ColumnElement[bool]:
    item, column = order[place], columns[order[place].field.name]
    last = _last(columns, order, place)
    further: ColumnElement[bool] = column < last if item.descending else column > last
    same = column == last
    if nulls[place]:  # nothing comes after a null but its equals
        further, same = false(), column.is_(None)
    elif item.field.nullable:
        further = or_(further, column.is_(None))
    if place + 1 == len(order):
        return further
    return or_(further, and_(same, _expanded(columns, order, nulls, place + 1)))
