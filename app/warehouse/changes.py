"""What changed in the marts between two runs: rows added, removed or with other measures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Row,
    and_,
    or_,
    select,
    tuple_,
    union_all,
)

from app.marts.definitions import MARTS, MEASURES, Mart, Mean
from app.marts.numbers import json_number
from app.marts.restrictions import Restrictions
from app.marts.tables import MART_TABLES
from app.warehouse.runs import Run

_KEY, _BEFORE, _AFTER, _RUN = "key_", "before_", "after_", "run"


@dataclass(frozen=True)
class Place:
    """A row in the order of changes: its mart's name and its key."""

    mart: str
    key: tuple[Any, ...]


def changes(
    connection: Connection,
    since: Run,
    run: Run,
    mart: str | None = None,
    after: Place | None = None,
    limit: int | None = None,
    restrictions: Restrictions | None = None,
) -> list[dict[str, Any]]:
    """Return ``{mart, key, before, after}`` by mart, in the order of their declaration, and key.

    ``before`` and ``after`` hold every measure; None where the row is in only one of the runs. ``mart`` keeps
    to one mart, ``after`` goes on behind a row, ``limit`` bounds the rows, ``restrictions`` keep to marts and
    rows. Both runs must be kept and loaded.
    """
    found: list[dict[str, Any]] = []
    for item in _marts(mart, after, restrictions):
        key = after.key if after and after.mart == item.name else None
        left = None if limit is None else limit - len(found)
        if left is None or left > 0:
            statement = _differences(item, since.seq, run.seq, key, restrictions).limit(left)
            found += [_change(item, row) for row in connection.execute(statement)]
    return found


def _marts(name: str | None, after: Place | None, restrictions: Restrictions | None) -> Iterator[Mart]:
    reached = after is None
    for mart in restrictions.readable if restrictions else MARTS:
        reached = reached or (after is not None and mart.name == after.mart)
        if reached and name in {None, mart.name}:
            yield mart


def _differences(
    mart: Mart, since: int, run: int, after: Sequence[Any] | None, restrictions: Restrictions | None
) -> CompoundSelect[Any]:
    old, new = MART_TABLES[mart.name].alias("old"), MART_TABLES[mart.name].alias("new")
    stored = (_RUN, *(item.name for item in MEASURES))
    measures = [*_labelled(old, _BEFORE, stored), *_labelled(new, _AFTER, stored)]
    # Columns of the side that an outer join did not find are null: just what "not in that run" looks like.
    present = select(*_labelled(new, _KEY, mart.key), *measures).outerjoin_from(
        new, old, _same(mart, old, new, since)
    )
    gone = select(*_labelled(old, _KEY, mart.key), *measures).outerjoin_from(
        old, new, _same(mart, new, old, run)
    )
    present = present.where(new.c.run == run, or_(old.c.run.is_(None), _differ(old, new)))
    gone = gone.where(old.c.run == since, new.c.run.is_(None))
    if restrictions is not None:
        present = present.where(*_within(mart, new, restrictions))
        gone = gone.where(*_within(mart, old, restrictions))
    if after is not None:
        present = present.where(tuple_(*_keys(mart, new)) > tuple_(*after))
        gone = gone.where(tuple_(*_keys(mart, old)) > tuple_(*after))
    both = union_all(present, gone)
    return both.order_by(*(both.selected_columns[_KEY + name] for name in mart.key))


def _within(mart: Mart, side: FromClause, restrictions: Restrictions) -> list[ColumnElement[bool]]:
    columns = {dimension.name: side.c[dimension.key] for dimension in mart.entities}
    return [columns[name].in_(ids) for name, ids in restrictions.members]


def _keys(mart: Mart, side: FromClause) -> list[ColumnElement[Any]]:
    return [side.c[name] for name in mart.key]


def _labelled(side: FromClause, prefix: str, names: Sequence[str]) -> list[ColumnElement[Any]]:
    return [side.c[name].label(prefix + name) for name in names]


def _same(mart: Mart, found: FromClause, given: FromClause, run: int) -> ColumnElement[bool]:
    return and_(found.c.run == run, *(found.c[name] == given.c[name] for name in mart.key))


def _differ(old: FromClause, new: FromClause) -> ColumnElement[bool]:
    """Compare what is never null: a mean differs only where its total or its count does."""
    stored = [item.name for item in MEASURES if not isinstance(item.formula, Mean)]
    return or_(*(old.c[name] != new.c[name] for name in stored))


def _change(mart: Mart, row: Row[Any]) -> dict[str, Any]:
    values = row._asdict()
    return {
        "mart": mart.name,
        "key": {name: values[_KEY + name] for name in mart.key},
        "before": _measures(values, _BEFORE),
        "after": _measures(values, _AFTER),
    }


def _measures(values: Mapping[str, Any], prefix: str) -> dict[str, Any] | None:
    if values[prefix + _RUN] is None:
        return None
    return {item.name: _number(values[prefix + item.name], item.scale) for item in MEASURES}


def _number(value: int | None, scale: int) -> Any:
    return None if value is None else json_number(value, scale)
