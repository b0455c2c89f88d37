"""SQL that databases write differently. SQLite's is for its planner; any other gets what is standard.

Integers stay integers: sums of decimals are counted in units of their last digit, as SQLite stores them.
"""

from typing import Any

import orjson
from sqlalchemy import BigInteger, ColumnElement, bindparam, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.marts.tables import Scaled


class unindexed(FunctionElement[Any]):  # noqa: N801 - stands in SQL like a function
    """A column whose indexes SQLite's planner leaves alone: it does so where a plus sign begins."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


class among(FunctionElement[bool]):  # noqa: N801 - as above
    """Whether a column has one of the values bound under a name: see ``listed`` for what is bound."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        super().__init__(column, bindparam(name))


class of_group(FunctionElement[Any]):  # noqa: N801 - as above
    """A column that has one value in each group: SQLite takes it from any row."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


class quotient(FunctionElement[int]):  # noqa: N801 - as above
    """The quotient of two integers, towards zero."""

    inherit_cache = True
    type = BigInteger()


class remainder(FunctionElement[int]):  # noqa: N801 - as above
    """The remainder of two integers, with the sign of the first."""

    inherit_cache = True
    type = BigInteger()


class units(FunctionElement[int]):  # noqa: N801 - as above
    """A sum of a column as an integer: of the units in which SQLite stores it."""

    inherit_cache = True
    type = BigInteger()

    def __init__(self, column: ColumnElement[Any]) -> None:
        factor = 10**column.type.scale if isinstance(column.type, Scaled) else 1
        super().__init__(func.sum(column), factor)


def _two(element: FunctionElement[Any], compiler: Any, **how: Any) -> tuple[str, str]:
    first, second = element.clauses
    return f"({compiler.process(first, **how)})", f"({compiler.process(second, **how)})"


@compiles(unindexed, "sqlite")
def _plus(element: unindexed, compiler: Any, **how: Any) -> str:
    return f"+{compiler.process(element.clauses, **how)}"


@compiles(of_group, "sqlite")
@compiles(unindexed)
def _as_it_is(element: FunctionElement[Any], compiler: Any, **how: Any) -> str:
    return str(compiler.process(element.clauses, **how))


@compiles(of_group)
def _smallest(element: of_group, compiler: Any, **how: Any) -> str:
    return f"MIN({compiler.process(element.clauses, **how)})"


@compiles(among, "sqlite")
def _among_json(element: among, compiler: Any, **how: Any) -> str:
    column, bound = element.clauses
    values = select(func.json_each(bound).table_valued("value").c.value)
    return str(compiler.process(column.in_(values), **how))


@compiles(among)
def _among_literals(element: among, compiler: Any, **how: Any) -> str:
    """Written into the statement: a driver may bind some ten thousand values and no more."""
    column, bound = element.clauses
    values: Any = bindparam(bound.key, expanding=True, literal_execute=True, type_=column.type)
    return f"({compiler.process(column.in_(values), **how)})"


@compiles(quotient, "sqlite")
def _divided(element: quotient, compiler: Any, **how: Any) -> str:
    return "({} / {})".format(*_two(element, compiler, **how))


@compiles(quotient)
def _divided_exactly(element: quotient, compiler: Any, **how: Any) -> str:
    first, second = _two(element, compiler, **how)
    return f"(({first} - mod({first}, {second})) / {second})"


@compiles(remainder, "sqlite")
def _modulo(element: remainder, compiler: Any, **how: Any) -> str:
    return "({} % {})".format(*_two(element, compiler, **how))


@compiles(remainder)
def _mod(element: remainder, compiler: Any, **how: Any) -> str:
    return "mod({}, {})".format(*_two(element, compiler, **how))


@compiles(units, "sqlite")
def _sum(element: units, compiler: Any, **how: Any) -> str:
    total, _ = element.clauses
    return str(compiler.process(total, **how))


@compiles(units)
def _sum_of_units(element: units, compiler: Any, **how: Any) -> str:
    return "({} * {})".format(*_two(element, compiler, **how))


def listed(values: list[Any]) -> str:
    """Return what ``among`` binds for SQLite, a JSON array: the text of a statement is one for any values."""
    return orjson.dumps(values).decode()


def unlisted(bound: str) -> list[Any]:
    """Return the values again, which any other database is given."""
    values: list[Any] = orjson.loads(bound)
    return values
