"""What a listing reads, as SQL: named columns over a source. Order, page and choice of columns come later.

Every statement binds ``:run``, the number of the run; conditions bind the name of their parameter.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
)

from app.marts.definitions import MEASURES, YEAR, Dimension, Mart, Mean, measure
from app.marts.tables import DIMENSION_TABLES, MART_TABLES, SEARCH_TABLES, SEARCHED
from app.serving.conditions import Clause
from app.serving.portable import of_group, quotient, remainder, unindexed, units

Clauses = Sequence[ColumnElement[bool]]
Given = Sequence[Clause]
Columns = Mapping[str, ColumnElement[Any]]


@dataclass(frozen=True)
class Later:
    """Fields that cost a look-up per row: best read for the rows of a page, not for all that are sorted.

    ``add`` gets where rows come from and their columns, and returns both with the fields. ``lead`` is told of
    rows that are to be found in the order of such a field.
    """

    fields: frozenset[str]
    add: Callable[[FromClause, Columns], tuple[FromClause, Columns]]
    lead: Callable[[FromClause, Columns], tuple[FromClause, Columns]] | None = None


@dataclass(frozen=True)
class Relation:
    """Columns by field name, where they come from and which rows count, summed over by ``group``.

    ``sequence`` sorts rows by the key of their listing, where a table has that order by other columns.
    """

    columns: Columns
    source: FromClause
    clauses: Clauses = ()
    group: Sequence[ColumnElement[Any]] = ()
    later: Sequence[Later] = ()
    sequence: Sequence[ColumnElement[Any]] = ()

    def having(self, fields: Collection[str], first: str | None = None) -> "Relation":
        """Return the relation with those of these fields as columns that would be read later.

        Rows are to be found in the order of the field ``first``, where that is one of them.
        """
        source, columns = self.source, self.columns
        for item in self.later:
            if item.fields & set(fields):
                add = item.lead if item.lead and first in item.fields else item.add
                source, columns = add(source, columns)
        if self.group:
            columns = {name: self.columns.get(name, of_group(column)) for name, column in columns.items()}
        left = [item for item in self.later if not item.fields & set(fields)]
        return replace(self, columns=columns, source=source, later=left)


def of_run(table: FromClause) -> ColumnElement[bool]:
    """Select the rows of the run being read."""
    return table.c.run == bindparam("run")


def mart_rows(mart: Mart, wanted: Collection[str], given: Given) -> Relation:
    """Rows of a mart as they are stored, with the names of their members."""
    table = MART_TABLES[mart.name]
    columns = {name: table.c[name] for name in (*mart.key, *measures(wanted))}
    clauses = (of_run(table), *clauses_on(table, given))
    return Relation(columns, table, clauses, later=names(mart.dimensions, wanted))


def over_years(mart: Mart, wanted: Collection[str], given: Given) -> Relation:
    """Rows of a mart summed over the years."""
    table = MART_TABLES[mart.name]
    dimensions = tuple(dimension for dimension in mart.dimensions if dimension is not YEAR)
    keys = {dimension.key: table.c[dimension.key] for dimension in dimensions}
    sums = {name: _total(table, name) for name in measures(wanted)}
    clauses = (of_run(table), *clauses_on(table, given))
    return Relation({**keys, **sums}, table, clauses, tuple(keys.values()), names(dimensions, wanted))


def members(dimension: Dimension, mart: Mart, wanted: Collection[str], given: Given) -> Relation:
    """Members of a dimension with the years and releases of their movies."""
    table, facts = DIMENSION_TABLES[dimension.name], MART_TABLES[mart.name]
    figures = {
        "first_year": func.min(facts.c[YEAR.key]),
        "last_year": func.max(facts.c[YEAR.key]),
        "releases": func.sum(facts.c.releases),
    }
    columns = {column.name: column for column in table.columns if column.name in {"id", *wanted}}
    later = [_figure(name, figure, facts, dimension) for name, figure in figures.items() if name in wanted]
    if any(clause.operator == "has" for clause in given):
        return _searched(table, SEARCH_TABLES[dimension.name], Relation(columns, table, later=later), given)
    return Relation(columns, table, (of_run(table), *clauses_on(table, given)), later=later)


def _searched(table: FromClause, index: FromClause, relation: Relation, given: Given) -> Relation:
    """Find members by a full-text index, which has them by id."""
    first = bindparam("run", type_=BigInteger()) * SEARCHED
    of_one_run = (index.c.rowid >= first, index.c.rowid < first + SEARCHED)
    source = index.join(table, and_(of_run(table), table.c.id == index.c.id))
    clauses = (*of_one_run, *clauses_on(index, given))
    return replace(relation, source=source, clauses=clauses, sequence=(index.c.rowid,))


def _figure(name: str, figure: ColumnElement[Any], facts: FromClause, dimension: Dimension) -> Later:
    def add(source: FromClause, columns: Columns) -> tuple[FromClause, Columns]:
        own = and_(of_run(facts), facts.c[dimension.key] == columns["id"])
        value = select(func.coalesce(figure, 0)).where(own).correlate(columns["id"].table).scalar_subquery()
        return source, {**columns, name: value}

    return Later(frozenset({name}), add)


def clauses_on(table: FromClause, given: Given) -> list[ColumnElement[bool]]:
    """Return conditions on the columns of a table."""
    return [clause.sql(table.c[clause.column]) for clause in given]


def measures(wanted: Collection[str]) -> list[str]:
    """Return the names of the measures among some fields."""
    return [item.name for item in MEASURES if item.name in wanted]


def names(dimensions: Sequence[Dimension], wanted: Collection[str]) -> list[Later]:
    """Return the names and slugs of members, those that are wanted."""
    found = []
    for dimension in dimensions:
        fields = {dimension.label: "name", dimension.slug: "slug"}
        named = {field: column for field, column in fields.items() if field in wanted}
        if named:
            table = DIMENSION_TABLES[dimension.name].alias(dimension.name)
            found.append(joined(table, {"id": dimension.key}, named))
    return found


def joined(table: FromClause, on: Mapping[str, str], fields: Mapping[Any, str]) -> Later:
    """Return columns of the one row of a table whose key is in a row's own columns.

    Every row has that one: an inner join lets SQLite begin with either side.
    """

    def add(
        source: FromClause,
        columns: Columns,
        their: Callable[[ColumnElement[Any]], ColumnElement[Any]] = lambda column: column,
    ) -> tuple[FromClause, Columns]:
        same = (their(table.c[theirs]) == columns[own] for theirs, own in on.items())
        added = {field: table.c[column] for field, column in fields.items()}
        return source.join(table, and_(of_run(table), *same)), {**columns, **added}

    return Later(frozenset(fields), add, partial(add, their=unindexed))


def _total(table: FromClause, name: str) -> ColumnElement[Any]:
    formula = measure(name).formula
    if isinstance(formula, Mean):
        return half_even(units(table.c[formula.total]), units(table.c[formula.count]))
    return func.sum(table.c[name])


def half_even(total: ColumnElement[int], count: ColumnElement[int]) -> ColumnElement[int]:
    """Return ``total / count`` rounded half to even, in integers; null where count is 0."""
    divisor = func.nullif(count, 0)  # NULL divides to NULL: what a count of 0 must give
    whole = quotient(total, divisor)
    twice = func.abs(remainder(total, divisor)) * 2
    tie = and_(twice == divisor, remainder(whole, literal(2)) != 0)
    away = case((total < 0, -1), else_=1)
    return whole + case((or_(twice > divisor, tie), away), else_=0)
