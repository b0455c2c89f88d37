"""Filters: what a query parameter selects, as one SQL clause with one bound value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import BindParameter, ColumnElement, bindparam, false, func, literal

from app.marts.definitions import YEAR, Dimension, Filter, Mart, MatchOn
from app.marts.names import search_key
from app.serving.parameters import MAX_KEY, Parameter, integer, text
from app.serving.portable import among, listed, unindexed

#: What a value is compared with: as filters declare, or the search key, which has it as a part.
Kind = MatchOn | Literal["part"]
Operator = Literal["is", "in", "from", "to", "contains", "has", "none"]

#: Characters that the full-text indexes of members take together: fewer are in none.
_INDEXED = 3

#: Finds the ids of a dimension's members whose key, slug or name is a value, or whose search key has it as a
#: part, in the run being read.
Lookup = Callable[[Dimension, Kind, str | int], list[int]]


@dataclass(frozen=True)
class Clause:
    """One comparison of a column with the value bound under ``name``, by an index where there is one."""

    name: str
    column: str
    operator: Operator
    indexed: bool = True

    def sql(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the comparison."""
        bound: BindParameter[Any] = bindparam(self.name)
        if not self.indexed:
            column = unindexed(column)
        match self.operator:
            case "is":
                return column == bound
            case "in":
                return among(column, self.name)
            case "contains":
                return func.instr(column, bound) > 0
            case "has":  # FTS5 takes a text in double quotes as it is
                return column.op("MATCH")(literal('"') + func.replace(bound, '"', '""') + literal('"'))
            case "from":
                return column >= bound
            case "to":
                return column <= bound
            case "none":
                return false()


def keys_clause(name: str, column: str, keys: Sequence[Any]) -> tuple[Clause, Any]:
    """Return the clause that a column has one of these keys, and the value to bind under its name."""
    if not keys:
        return Clause(name, column, "none"), None
    if len(keys) == 1:  # SQLite chooses better indexes for a plain comparison
        return Clause(name, column, "is"), keys[0]
    return Clause(name, column, "in"), listed(list(keys))


@dataclass(frozen=True, eq=False)
class Condition:
    """A parameter that selects rows by one column."""

    parameter: Parameter
    column: str
    operator: Operator = "in"
    dimension: Dimension | None = None
    match: tuple[MatchOn, ...] = ()

    @property
    def name(self) -> str:
        """The parameter's name, which is also the name of the bound value."""
        return self.parameter.name

    def given(self, value: Any, lookup: Lookup, lists: bool = True) -> tuple[Clause, Any]:
        """Return the clause and the value to bind, for the parameter's parsed value.

        Without ``lists``, those found by a part of their names are looked up before, like any others.
        """
        if self.operator == "contains":
            key = search_key(value)
            if not lists and self.dimension is not None:
                return keys_clause(self.name, "id", lookup(self.dimension, "part", key))
            return self._clause("has" if len(key) >= _INDEXED else "contains"), key
        if self.operator != "in":
            return self._clause(self.operator), value
        return keys_clause(self.name, self.column, self._keys(value, lookup))

    def _clause(self, operator: Operator) -> Clause:
        return Clause(self.name, self.column, operator)

    def _keys(self, values: tuple[Any, ...], lookup: Lookup) -> list[Any]:
        if self.dimension is None:
            return list(values)
        return [key for value in values for key in _members(self.dimension, self.match, value, lookup)]


def _members(dimension: Dimension, match: tuple[MatchOn, ...], value: str, lookup: Lookup) -> list[int]:
    for kind in match:
        if kind == "key":
            key = int(value) if value.isascii() and value.isdigit() and len(value) < 20 else MAX_KEY + 1
            found = lookup(dimension, kind, key) if key <= MAX_KEY else []
        else:
            found = lookup(dimension, kind, value)
        if found:
            return found
    return []


def mart_conditions(mart: Mart) -> tuple[Condition, ...]:
    """Return every filter of a mart: its dimensions' own, and the years."""
    own = [filter_condition(dimension, item) for dimension in mart.dimensions for item in dimension.filters]
    return (*YEARS, *own) if YEAR in mart.dimensions else tuple(own)


def filter_condition(dimension: Dimension, item: Filter) -> Condition:
    """Return a declared filter as a condition; a filter by key alone needs no look-up of members."""
    if item.match != ("key",):
        parameter = text(item.parameter, item.description, repeatable=True)
        return Condition(parameter, dimension.key, "in", dimension, item.match)
    if dimension.key_type == "text":
        return Condition(text(item.parameter, item.description, repeatable=True), dimension.key)
    return Condition(integer(item.parameter, item.description, 0, MAX_KEY, repeatable=True), dimension.key)


YEARS = (
    Condition(integer("year", "Release year. Repeatable.", 1, 9999, repeatable=True), YEAR.key),
    Condition(integer("year_from", "First release year.", 1, 9999), YEAR.key, "from"),
    Condition(integer("year_to", "Last release year.", 1, 9999), YEAR.key, "to"),
)
_SEARCH = text("search", "Substring of the name; case and accents do not count.")


def search_condition(dimension: Dimension) -> Condition:
    """Return the search among the members of a dimension."""
    return Condition(_SEARCH, "search_key", "contains", dimension)
