"""From parameters to a canonical question: two spellings of one question are equal here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from app.errors import near_miss
from app.marts.definitions import Mart
from app.marts.restrictions import Restrictions
from app.serving import parameters
from app.serving.cursor import digest
from app.serving.errors import Fault, InvalidParameters, Restricted
from app.serving.fields import Field
from app.serving.listings import Listing, View
from app.serving.parameters import ALL


@dataclass(frozen=True)
class Order:
    """A field to sort by; nulls come last both ways."""

    field: Field
    descending: bool = False


@dataclass(frozen=True, eq=False)
class Shown:
    """Which fields rows have, and their order, which always ends in a unique key.

    Most questions show the same: one object stands for all of a choice, and is compared as one.
    """

    fields: tuple[Field, ...]
    order: tuple[Order, ...]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns to read: the fields, then what else the order needs."""
        shown = [field.name for field in self.fields]
        return (*shown, *(name for name in self.sorted_by if name not in shown))

    @cached_property
    def sorted_by(self) -> tuple[str, ...]:
        """The names of the fields of the order."""
        return tuple(item.field.name for item in self.order)

    @cached_property
    def canonical(self) -> tuple[Any, ...]:
        """The names of the fields, and each of the order with its direction."""
        order = [(item.field.name, item.descending) for item in self.order]
        return [field.name for field in self.fields], order


@dataclass(frozen=True)
class Paging:
    """The common parameters of a listing, checked."""

    shown: Shown
    limit: int
    cursor: str | None
    run: str | None
    format: str | None

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of a row."""
        return self.shown.fields

    @property
    def order(self) -> tuple[Order, ...]:
        """What rows are sorted by."""
        return self.shown.order

    @property
    def whole(self) -> bool:
        """Whether all rows are asked for, in one answer."""
        return self.limit == ALL

    @property
    def canonical(self) -> tuple[Any, ...]:
        """What may not change between two pages of one listing."""
        return self.limit, self.run, *self.shown.canonical


@dataclass(frozen=True)
class Query:
    """A question to a listing. ``selection`` has the parameters given that choose rows, parsed.

    ``restrictions``: what the client may read, None for everything.
    """

    listing: Listing
    view: View
    selection: Mapping[str, Any]
    paging: Paging
    restrictions: Restrictions | None = None

    @cached_property
    def digest(self) -> str:
        """The fingerprint that pages of one listing share: of everything but format, cursor and limit."""
        paging = self.paging
        selected = sorted(self.selection.items())
        within = (self.restrictions.fingerprint,) if self.restrictions else ()
        return digest(self.listing.path, selected, paging.run, *paging.shown.canonical, *within)


def parse(listing: Listing, query: bytes, restrictions: Restrictions | None = None) -> Query:
    """Read the query string of a request to a listing.

    Raises:
        Restricted: the client may not read the listing's mart.
        InvalidParameters: with every parameter at fault.
    """
    if restrictions is not None:
        check_readable(listing.mart, restrictions)
    values = parameters.read(query, listing.parameters)
    view = listing.views[values[listing.variant.name] if listing.variant else None]
    selection = {name: values[name] for name in listing.selecting if values[name] is not None}
    chosen = _shown(view, values["fields"], values["sort"])
    return Query(listing, view, selection, _paging(values, chosen), restrictions)


def check_readable(mart: Mart, restrictions: Restrictions) -> None:
    """Check that a client may read a mart.

    Raises:
        Restricted: it may not.
    """
    if not restrictions.allows(mart):
        others = ", ".join(item.name for item in restrictions.readable) or "none"
        raise Restricted(f"this client may not read the mart {mart.name}", f"it may read: {others}")


def paging(values: Mapping[str, Any], fields: Mapping[str, Field], key: Sequence[str]) -> Paging:
    """Check the common parameters against the fields of a row; ``key``, sort words, decides ties.

    Raises:
        InvalidParameters: ``fields`` or ``sort`` names something that is no field.
    """
    return _paging(values, shown(fields, key, values["fields"], values.get("sort")))


def _paging(values: Mapping[str, Any], chosen: Shown) -> Paging:
    limit, cursor, run = values.get("limit", 1), values.get("cursor"), values.get("run")
    return Paging(chosen, limit, cursor, run, values["format"])


@lru_cache(maxsize=1024)
def _shown(view: View, names: Sequence[str] | None, sort: Sequence[str] | None) -> Shown:
    return shown(view.fields, view.key, names, sort)


def shown(
    fields: Mapping[str, Field], key: Sequence[str], names: Sequence[str] | None, sort: Sequence[str] | None
) -> Shown:
    """Choose fields by name, all unless given, and an order by sort words; those of ``key`` decide ties.

    Raises:
        InvalidParameters: a name or a word is that of no field.
    """
    names, sort = names or tuple(fields), sort or ()
    sorted_names = [item.removeprefix("-") for item in sort]
    sortable = {name: field for name, field in fields.items() if field.kind != "object"}
    faults = [*_unknown("fields", names, fields), *_unknown("sort", sorted_names, sortable)]
    if faults:
        raise InvalidParameters(faults)
    ties = [word for word in key if word.removeprefix("-") not in sorted_names]
    return Shown(
        tuple(fields[name] for name in names),
        tuple(Order(fields[item.removeprefix("-")], item.startswith("-")) for item in (*sort, *ties)),
    )


def _unknown(parameter: str, names: Sequence[str], fields: Mapping[str, Field]) -> list[Fault]:
    unknown = [name[:64] for name in names if name not in fields]
    return [Fault(parameter, f"no field {name!r}; {near_miss(name, fields)}") for name in unknown[:10]]
