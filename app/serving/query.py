"""From parameters to a canonical question: two spellings of one question are equal here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import near_miss
from app.serving import parameters
from app.serving.cursor import digest
from app.serving.errors import Fault, InvalidParameters
from app.serving.fields import Field
from app.serving.listings import Listing, View
from app.serving.parameters import ALL


@dataclass(frozen=True)
class Order:
    """A field to sort by; nulls come last both ways."""

    field: Field
    descending: bool = False


@dataclass(frozen=True)
class Paging:
    """The common parameters of a listing, checked. ``order`` always ends in a unique key."""

    fields: tuple[Field, ...]
    order: tuple[Order, ...]
    limit: int
    cursor: str | None
    run: str | None
    format: str | None

    @property
    def whole(self) -> bool:
        """Whether all rows are asked for, in one answer."""
        return self.limit == ALL

    @property
    def shown(self) -> tuple[Any, ...]:
        """What may not change between two pages of one listing but for their size."""
        order = [(item.field.name, item.descending) for item in self.order]
        return self.run, [field.name for field in self.fields], order

    @property
    def canonical(self) -> tuple[Any, ...]:
        """What may not change between two pages of one listing."""
        return self.limit, *self.shown


@dataclass(frozen=True)
class Query:
    """A question to a listing. ``selection`` has the parameters given that choose rows, parsed."""

    listing: Listing
    view: View
    selection: Mapping[str, Any]
    paging: Paging

    @property
    def digest(self) -> str:
        """The fingerprint that pages of one listing share: of everything but format, cursor and limit."""
        return digest(self.listing.path, sorted(self.selection.items()), *self.paging.shown)


def parse(listing: Listing, query: bytes) -> Query:
    """Read the query string of a request to a listing.

    Raises:
        InvalidParameters: with every parameter at fault.
    """
    values = parameters.read(query, listing.parameters)
    view = listing.views[values[listing.variant.name] if listing.variant else None]
    own = {item.name: values[item.name] for item in listing.own_parameters}
    selection = {name: value for name, value in own.items() if value is not None}
    return Query(listing, view, selection, paging(values, view.fields, view.key))


def paging(values: Mapping[str, Any], fields: Mapping[str, Field], key: Sequence[str]) -> Paging:
    """Check the common parameters against the fields of a row; ``key``, sort words, decides ties.

    Raises:
        InvalidParameters: ``fields`` or ``sort`` names something that is no field.
    """
    names: Sequence[str] = values["fields"] or tuple(fields)
    sort: Sequence[str] = values.get("sort") or ()
    sorted_names = [item.removeprefix("-") for item in sort]
    sortable = {name: field for name, field in fields.items() if field.kind != "object"}
    faults = [*_unknown("fields", names, fields), *_unknown("sort", sorted_names, sortable)]
    if faults:
        raise InvalidParameters(faults)
    ties = [word for word in key if word.removeprefix("-") not in sorted_names]
    return Paging(
        tuple(fields[name] for name in names),
        tuple(Order(fields[item.removeprefix("-")], item.startswith("-")) for item in (*sort, *ties)),
        values.get("limit", 1),
        values.get("cursor"),
        values.get("run"),
        values["format"],
    )


def _unknown(parameter: str, names: Sequence[str], fields: Mapping[str, Field]) -> list[Fault]:
    unknown = [name[:64] for name in names if name not in fields]
    return [Fault(parameter, f"no field {name!r}; {near_miss(name, fields)}") for name in unknown[:10]]
