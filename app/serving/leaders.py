"""What leads by a measure, as SQL: rankings, and first pages of the greatest.

Both read the tables that the load of a run worked out, a few rows, and look up the rows of the mart.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import and_, bindparam

from app.marts.definitions import MEASURES, YEAR, Dimension, Mart, Measure
from app.marts.tables import LEADER_TABLES, MART_TABLES, RANKING_TABLES, leader_column, rank_column
from app.serving.relations import Given, Relation, clauses_on, joined, measures, names, of_run

#: Names of the fields that rows are sorted by, and whether downwards.
Sorting = Sequence[tuple[str, bool]]


def ranked(mart: Mart, measure: Measure, wanted: Collection[str], given: Given) -> Relation:
    """The first ``:top`` rows of each year by a measure. Ties share a rank; the smaller key comes first."""
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
    later = [*([facts] if figures else []), *names(mart.dimensions, wanted)]
    return Relation(columns, table, clauses, later=later, sequence=(table.c[YEAR.key], table.c.position))


def leading(mart: Mart, order: Sorting, wanted: Collection[str], given: Given) -> Relation | None:
    """Rows of a mart among which are the first ones of an order; None where all must be looked at.

    No more than ``LEADERS`` of them are in that order.
    """
    by_name = {item.name: item for item in MEASURES}
    measure = next((by_name[name] for name, down in order if down and name in by_name), None)
    if measure is None:
        return None
    if not given and order == _order(measure, mart.key):
        return _looked_up(mart, measure, mart.dimensions, wanted, given)
    within_years = [item for item in order if item[0] != YEAR.key]
    of_years = all(clause.column == YEAR.key for clause in given)
    if mart.ranked and of_years and within_years == _order(measure, [_member(mart).key]):
        return _looked_up(mart, measure, [_member(mart)], wanted, given)
    return None


def _order(measure: Measure, key: Sequence[str]) -> list[tuple[str, bool]]:
    return [(measure.name, True), *((name, False) for name in key)]


def _looked_up(
    mart: Mart, measure: Measure, keyed: Sequence[Dimension], wanted: Collection[str], given: Given
) -> Relation:
    """Read the rows of a mart that a table of leaders names by some of their key; it has the rest itself."""
    facts = MART_TABLES[mart.name]
    table = (LEADER_TABLES if len(keyed) == len(mart.key) else RANKING_TABLES)[mart.name]
    named = {item.key: table.c[leader_column(measure, item)] for item in keyed}
    keys = {name: named[name] if name in named else table.c[name] for name in mart.key}
    source = table.join(facts, and_(of_run(facts), *(facts.c[name] == keys[name] for name in mart.key)))
    columns = {**keys, **{name: facts.c[name] for name in measures(wanted)}}
    return Relation(
        columns, source, (of_run(table), *clauses_on(table, given)), later=names(mart.dimensions, wanted)
    )


def _member(mart: Mart) -> Dimension:
    (member,) = (dimension for dimension in mart.dimensions if dimension is not YEAR)
    return member
