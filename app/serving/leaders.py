"""What leads by a measure, as SQL: rankings, and first pages of the greatest.

Both read the tables that the load of a run worked out, a few rows, and look up the rows of the mart. Those
hold places among all members: a ranking of some of them is worked out when it is asked for.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    union_all,
)

from app.marts.definitions import MEASURES, YEAR, Dimension, Mart, Measure
from app.marts.tables import LEADER_TABLE, MART_TABLES, RANKING_TABLES, leader_column, rank_column
from app.serving.conditions import Clause
from app.serving.portable import unindexed
from app.serving.relations import Given, Later, Relation, clauses_on, joined, measures, names, of_run

#: Names of the fields that rows are sorted by, and whether downwards.
Sorting = Sequence[tuple[str, bool]]


def ranked(mart: Mart, measure: Measure, wanted: Collection[str], given: Given) -> Relation:
    """The first ``:top`` rows of each year by a measure. Ties share a rank; the smaller key comes first."""
    if any(clause.column != YEAR.key for clause in given):
        return ranked_among(mart, measure, wanted, given)
    table, member = RANKING_TABLES[mart.name], _member(mart)
    rank = table.c[rank_column(measure)]
    columns = {
        YEAR.key: table.c[YEAR.key],
        "rank": rank,
        member.key: table.c[leader_column(measure, member)],
    }
    clauses = (
        of_run(table),
        table.c.position <= bindparam("top"),
        rank.is_not(None),
        *clauses_on(table, given),
    )
    figures = measures(wanted)
    facts = joined(
        MART_TABLES[mart.name], {name: name for name in mart.key}, {name: name for name in figures}
    )
    later = [*([facts] if figures else []), *_named(mart, wanted)]
    return Relation(columns, table, clauses, later=later, sequence=(table.c[YEAR.key], table.c.position))


def ranked_among(mart: Mart, measure: Measure, wanted: Collection[str], given: Given) -> Relation:
    """The same, worked out among the rows that conditions leave, as if there were no others."""
    table, member = MART_TABLES[mart.name], _member(mart)
    # Rows are to be found by their members, which are few, and not in the order of years, among all others.
    value, year = table.c[measure.name], unindexed(table.c[YEAR.key])
    place = func.row_number().over(partition_by=year, order_by=(value.desc(), table.c[member.key]))
    rank = func.rank().over(partition_by=year, order_by=value.desc())
    rows = (
        select(*(table.c[name] for name in (*mart.key, *measures(wanted))))
        .add_columns(rank.label("rank"), place.label("position"))
        .where(of_run(table), value.is_not(None), *clauses_on(table, given))
        .subquery("ranked")
    )
    first = rows.c.position <= bindparam("top")
    return Relation(dict(rows.c.items()), rows, (first,), later=_named(mart, wanted))


def _named(mart: Mart, wanted: Collection[str]) -> list[Later]:
    # To read all members in the order of names takes longer than to sort so few rows, which they cannot find.
    return [replace(item, lead=None) for item in names(mart.dimensions, wanted)]


def leading(mart: Mart, order: Sorting, wanted: Collection[str], given: Given) -> Relation | None:
    """Rows of a mart among which are the first ones of an order; None where all must be looked at.

    No more than ``LEADERS`` of them are in that order.
    """
    fixed = {clause.column: clause for clause in given if clause.operator == "is"}
    if len(fixed) == len(given) and fixed.keys() <= set(mart.key[1:]):
        return _of_slice(mart, order, wanted, fixed)
    of_years = all(clause.column == YEAR.key for clause in given)
    return _within_years(mart, order, wanted, given) if mart.ranked and of_years else None


def _of_slice(
    mart: Mart, order: Sorting, wanted: Collection[str], fixed: Mapping[str, Clause]
) -> Relation | None:
    """Read the rows that the load listed for a slice; where it listed none, all its rows: they are few."""
    free = [name for name in mart.key if name not in fixed]
    measure, sort = _measure([item for item in order if item[0] not in fixed], free)
    if measure is None:
        return None
    facts, entry = (
        MART_TABLES[mart.name],
        func.json_each(LEADER_TABLE.c["keys"], "$[0]").table_valued("key", "value"),
    )
    listed = and_(
        of_run(LEADER_TABLE),
        LEADER_TABLE.c.mart == mart.name,
        LEADER_TABLE.c.slice == func.json_array(*(_value(fixed.get(name)) for name in mart.key[1:])),
        or_(LEADER_TABLE.c.sort == sort, LEADER_TABLE.c.sort == ""),
    )
    first, *others = free
    keys = [
        entry.c.value.label(first),
        *(_at(place, entry.c.key).label(name) for place, name in enumerate(others, 1)),
    ]
    clauses = [of_run(facts), *clauses_on(facts, list(fixed.values()))]
    on_page = or_(LEADER_TABLE.c.sort == "", entry.c.key < bindparam("limit"))  # in order, or every row
    named = select(*keys).select_from(LEADER_TABLE.join(entry, true())).where(listed, on_page)
    # SQLite tests a condition again for each row, a limit once.
    at_most = case((exists().where(listed), 0), else_=-1)
    every = select(*(facts.c[name] for name in free)).where(*clauses).limit(at_most).subquery("every")
    found = union_all(named, select(every)).subquery("leading")
    source = found.join(facts, and_(*clauses, *(facts.c[name] == found.c[name] for name in free)))
    columns = {name: facts.c[name] for name in (*mart.key, *measures(wanted))}
    return Relation(columns, source, later=names(mart.dimensions, wanted))


def _value(clause: Clause | None) -> ColumnElement[Any]:
    return bindparam(clause.name) if clause else null()


def _at(place: int, index: ColumnElement[int]) -> ColumnElement[Any]:
    path = literal_column(f"'$[{place}]['").op("||")(index).op("||")(literal_column("']'"))
    return func.json_extract(LEADER_TABLE.c["keys"], path)


def _measure(order: Sorting, ties: Sequence[str]) -> tuple[Measure | None, str]:
    """Return the measure that rows are sorted by, if ties go by these keys, and the name of the order."""
    (name, down), *rest = order
    measure = next((item for item in MEASURES if item.name == name), None)
    if list(rest) != [(key, False) for key in ties]:
        measure = None
    return measure, f"-{name}" if down else name


def _within_years(mart: Mart, order: Sorting, wanted: Collection[str], given: Given) -> Relation | None:
    """Read the rows that lead in each of some years."""
    member = _member(mart)
    measure, sort = _measure([item for item in order if item[0] != YEAR.key], [member.key])
    if measure is None or not sort.startswith("-"):
        return None
    facts, table = MART_TABLES[mart.name], RANKING_TABLES[mart.name]
    keys = {member.key: table.c[leader_column(measure, member)], YEAR.key: table.c[YEAR.key]}
    source = table.join(facts, and_(of_run(facts), *(facts.c[name] == keys[name] for name in mart.key)))
    columns = {**keys, **{name: facts.c[name] for name in measures(wanted)}}
    clauses = (of_run(table), *clauses_on(table, given))
    return Relation(columns, source, clauses, later=names(mart.dimensions, wanted))


def _member(mart: Mart) -> Dimension:
    (member,) = (dimension for dimension in mart.dimensions if dimension is not YEAR)
    return member
