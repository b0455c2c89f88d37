"""JSON: an envelope around the rows, or one row a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.marts.numbers import EXACT_BELOW
from app.serving.fields import Field
from app.serving.formats.base import About, AsItIs, Lines, Streamed, Writer, decimal_text, literal


def _row(fields: Sequence[Field]) -> str:
    cells = (f"{literal(field.name)}, {_cell(field)}" for field in fields)
    return f"json_object({', '.join(cells)})"


def _cell(field: Field) -> str:
    """Return the SQL of a value. A decimal is an exact JSON number; of a double SQLite writes 15 digits."""
    if not field.scale:
        return field.name
    double = f"{field.name} / {float(10**field.scale)}"
    text = decimal_text(field.name, field.scale)
    return f"CASE WHEN abs({field.name}) < {EXACT_BELOW} THEN {double} ELSE json({text}) END"


@dataclass(frozen=True)
class Page:
    """Rows that are not read as text, and what is said of them. What is beyond the fields is not shown."""

    fields: Sequence[Field]
    rows: Sequence[Sequence[Any]]
    meta: Mapping[str, Any]
    links: Mapping[str, Any]


class Json:
    """The envelope ``{"data", "meta", "links"}``; decimals are exact JSON numbers."""

    name = "json"
    media_type = "application/json"
    aliases: tuple[str, ...] = ()
    packed = False
    slow = False
    lines = Lines(_row, b",", b"")

    def page(self, fields: Sequence[Field], text: bytes, about: About) -> bytes:
        """Return the envelope around the text of the rows."""
        return envelope(orjson.Fragment(b"[" + text + b"]"), about.meta, about.links)

    def render(self, page: Page) -> bytes:
        """Return the envelope around rows, serialised once."""
        names = [field.name for field in page.fields]
        data = [dict(zip(names, row, strict=False)) for row in page.rows]
        return envelope(data, page.meta, page.links)


class NdJson(Streamed):
    """One JSON object a line (https://github.com/ndjson/ndjson-spec)."""

    name = "ndjson"
    media_type = "application/x-ndjson"
    aliases: tuple[str, ...] = ("application/ndjson", "application/jsonl")
    lines = Lines(_row, b"\n", b"\n")

    def writer(self, fields: Sequence[Field]) -> Writer:
        """Begin a file."""
        return AsItIs()


def envelope(data: Any, meta: Mapping[str, Any], links: Mapping[str, Any]) -> bytes:
    """Return the JSON document of an answer."""
    return orjson.dumps({"data": data, "meta": meta, "links": links})
