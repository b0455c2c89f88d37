"""Parameters that every listing has: which fields, in what order, which page, of which run, in what form."""

from collections.abc import Sequence

from app.serving.formats import FORMATS, JSON
from app.serving.parameters import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Parameter,
    choice,
    comma_separated,
    integer,
    pairs,
    text,
    whole_or_all,
)

RUN = text("run", "Pin a kept, once published run by its id; the published run unless given.")
LIMIT = integer("limit", f"Rows per page, {DEFAULT_LIMIT} unless given.", 1, MAX_LIMIT, default=DEFAULT_LIMIT)
#: Listings answer in many formats, and whole; runs and changes, whose rows hold objects, in JSON.
LISTING_LIMIT = Parameter(
    "limit",
    f"Rows per page, {DEFAULT_LIMIT} unless given. `all` streams every row, in any format but JSON.",
    whole_or_all(1, MAX_LIMIT),
    {"anyOf": [{**LIMIT.schema}, {"type": "string", "enum": ["all"]}]},
    default=DEFAULT_LIMIT,
)
_ANY_FORMAT = "Format of the answer; goes before the `Accept` header."
FORMAT = choice("format", _ANY_FORMAT, (JSON.name,))
LISTING_FORMAT = choice("format", _ANY_FORMAT, tuple(FORMATS))
CURSOR = text(
    "cursor",
    "`next_cursor` of the page before. All other parameters must stay as they were.",
)


def asks_for_all(query: bytes) -> bool:
    """Say whether a query has ``limit=all`` in it.

    Raises:
        InvalidParameters: as ``parameters.pairs`` does, where there is a need to look closer.
    """
    return (b"all" in query or b"%" in query) and ("limit", "all") in pairs(query)


def fields_parameter(names: Sequence[str]) -> Parameter:
    """Declare ``fields`` for rows of these fields."""
    return _list("fields", "Exactly these fields, in this order. Comma-separated.", names)


def sort_parameter(names: Sequence[str]) -> Parameter:
    """Declare ``sort`` over these fields."""
    directions = [sign + name for name in names for sign in ("", "-")]
    description = (
        "Fields to sort by, `-` for descending. Comma-separated. Ties go by key, text by code point, "
        "nulls come last both ways."
    )
    return _list("sort", description, directions)


def _list(name: str, description: str, words: Sequence[str]) -> Parameter:
    schema = {"type": "array", "items": {"type": "string", "enum": list(words)}, "minItems": 1}
    return Parameter(name, description, comma_separated, schema)


def paging(names: Sequence[str]) -> tuple[Parameter, ...]:
    """Return the common parameters of a listing whose rows have these fields."""
    return (fields_parameter(names), sort_parameter(names), LISTING_LIMIT, CURSOR, RUN, LISTING_FORMAT)


def by_name(*items: Parameter) -> dict[str, Parameter]:
    """Return the parameters of an endpoint by name."""
    return {item.name: item for item in items}
