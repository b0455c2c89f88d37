"""What a listing reads, as SQL: named columns over a source. Order, page and choice of columns come later.

Every statement binds ``:run``, the number of the run; conditions bind the name of their parameter.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
)

from app.marts.definitions import MEASURES, YEAR, Dimension, Mart, Mean, measure
from app.marts.tables import DIMENSION_TABLES, MART_TABLES
from app.serving.conditions import Clause

Clauses = Sequence[ColumnElement[bool]]
Given = Sequence[Clause]
Columns = Mapping[str, ColumnElement[Any]]


@dataclass(frozen=True)
class Relation:
    """Columns by field name, where they come from and which rows count."""

    columns: Columns
    source: FromClause
    clauses: Clauses = ()


def of_run(table: FromClause) -> ColumnElement[bool]:
    """Select the rows of the run being read."""
    return table.c.run == bindparam("run")


def mart_rows(mart: Mart, wanted: Collection[str], given: Given) -> Relation:
    """Rows of a mart as they are stored, with the names of their members."""
    table = MART_TABLES[mart.name]
    return _with_names(mart.dimensions, table, wanted, (of_run(table), *_clauses(table, given)))


def over_years(mart: Mart, wanted: Collection[str], given: Given) -> Relation:
    """Rows of a mart summed over the years."""
    table = MART_TABLES[mart.name]
    dimensions = tuple(dimension for dimension in mart.dimensions if dimension is not YEAR)
    keys = [table.c[dimension.key] for dimension in dimensions]
    sums = [_total(table, item.name).label(item.name) for item in MEASURES if item.name in wanted]
    grouped = (
        select(*keys, *sums).where(of_run(table), *_clauses(table, given)).group_by(*keys).subquery("summed")
    )
    return _with_names(dimensions, grouped, wanted, ())


def ranked(mart: Mart, metric: str, wanted: Collection[str], given: Given) -> Relation:
    """The first ``:top`` rows of each year by a measure. Ties share a rank; the smaller key comes first."""
    table = MART_TABLES[mart.name]
    column = table.c[metric]
    key = next(dimension.key for dimension in mart.dimensions if dimension is not YEAR)
    year = table.c[YEAR.key]
    rows: Select[Any] = select(
        *(table.c[name] for name in (*mart.key, *_measures(wanted))),
        func.rank().over(partition_by=year, order_by=column.desc()).label("rank"),
        func.row_number().over(partition_by=year, order_by=(column.desc(), table.c[key])).label("position"),
    )
    placed = rows.where(of_run(table), column.is_not(None), *_clauses(table, given)).subquery("placed")
    names = _with_names(mart.dimensions, placed, wanted, (placed.c.position <= bindparam("top"),))
    return Relation({"rank": placed.c.rank, **names.columns}, names.source, names.clauses)


def members(dimension: Dimension, mart: Mart, given: Given) -> Relation:
    """Members of a dimension with the years and releases of their movies."""
    table, facts = DIMENSION_TABLES[dimension.name], MART_TABLES[mart.name]
    own = and_(of_run(facts), facts.c[dimension.key] == table.c.id)
    figures = {
        "first_year": func.min(facts.c[YEAR.key]),
        "last_year": func.max(facts.c[YEAR.key]),
        "releases": func.sum(facts.c.releases),
    }
    columns: dict[str, ColumnElement[Any]] = {
        column.name: column for column in table.columns if column.name not in {"run", "search_key"}
    }
    for name, figure in figures.items():
        columns[name] = select(func.coalesce(figure, 0)).where(own).scalar_subquery()
    return Relation(columns, table, (of_run(table), *_clauses(table, given)))


def _clauses(table: FromClause, given: Given) -> list[ColumnElement[bool]]:
    return [clause.sql(table.c[clause.column]) for clause in given]


def _measures(wanted: Collection[str]) -> list[str]:
    return [item.name for item in MEASURES if item.name in wanted]


def _with_names(
    dimensions: Sequence[Dimension], source: FromClause, wanted: Collection[str], clauses: Clauses
) -> Relation:
    """Add the names of members to keyed rows, joining only what is wanted."""
    columns: dict[str, ColumnElement[Any]] = {column.name: column for column in source.columns}
    joined = source
    for dimension in dimensions:
        fields = {dimension.label: "name", dimension.slug: "slug"}
        if not set(wanted) & {field for field in fields if field}:
            continue
        table = DIMENSION_TABLES[dimension.name].alias(dimension.name)
        joined = joined.outerjoin(table, and_(of_run(table), table.c.id == source.c[dimension.key]))
        columns |= {field: table.c[column] for field, column in fields.items() if field}
    return Relation(columns, joined, clauses)


def _total(table: FromClause, name: str) -> ColumnElement[Any]:
    formula = measure(name).formula
    if isinstance(formula, Mean):
        return half_even(func.sum(table.c[formula.total]), func.sum(table.c[formula.count]))
    return func.sum(table.c[name])


def half_even(total: ColumnElement[int], count: ColumnElement[int]) -> ColumnElement[int]:
    """Return ``total / count`` rounded half to even, in integers; null where count is 0.

    SQLite divides integers towards zero, so the remainder has the sign of the total.
    """
    divisor = func.nullif(count, 0)  # NULL divides to NULL: what a count of 0 must give
    quotient = _divide(total, "/", divisor)
    twice = func.abs(_divide(total, "%", divisor)) * 2
    tie = and_(twice == divisor, _divide(quotient, "%", literal(2)) != 0)
    away = case((total < 0, -1), else_=1)
    return quotient + case((or_(twice > divisor, tie), away), else_=0)


def _divide(left: ColumnElement[Any], operator: str, right: ColumnElement[Any]) -> ColumnElement[int]:
    return left.op(operator, return_type=BigInteger())(right)
