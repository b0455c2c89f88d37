"""Forms of an answer. A form turns one page into bytes; JSON is the one there is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from app.marts.numbers import json_number
from app.serving.errors import NotAcceptable
from app.serving.fields import Field


@dataclass(frozen=True)
class Page:
    """Rows in the order of their fields, and what is said of them. What is beyond them is not shown."""

    fields: Sequence[Field]
    rows: Sequence[Sequence[Any]]
    meta: Mapping[str, Any]
    links: Mapping[str, Any]


class Format(Protocol):
    """One form of an answer."""

    name: str
    media_type: str

    def render(self, page: Page) -> bytes:
        """Return the body of a page."""


class Json:
    """The envelope ``{"data", "meta", "links"}``; decimals are exact JSON numbers."""

    name = "json"
    media_type = "application/json"

    def render(self, page: Page) -> bytes:
        """Return the envelope, serialised once."""
        names = [field.name for field in page.fields]
        data = [dict(zip(names, row, strict=False)) for row in page.rows]
        for field in page.fields:
            if field.scale:
                _scale(data, field)
        return envelope(data, page.meta, page.links)


def _scale(data: list[dict[str, Any]], field: Field) -> None:
    for row in data:
        value = row[field.name]
        if value is not None:
            row[field.name] = json_number(value, field.scale)


def envelope(data: Any, meta: Mapping[str, Any], links: Mapping[str, Any]) -> bytes:
    """Return the JSON document of an answer."""
    return orjson.dumps({"data": data, "meta": meta, "links": links})


JSON = Json()
FORMATS: Mapping[str, Format] = {JSON.name: JSON}


def negotiate(name: str | None, accept: str | None) -> Format:
    """Return the format asked for by name, else the one ``Accept`` likes best (RFC 9110, section 12.5.1).

    Raises:
        NotAcceptable: ``Accept`` allows none of them.
    """
    if name is not None:
        return FORMATS[name]
    if accept is None or not accept.strip():
        return JSON
    ranges = _ranges(accept)
    quality = {item: _quality(item.media_type, ranges) for item in FORMATS.values()}
    best = max(FORMATS.values(), key=lambda item: quality[item])
    if not quality[best]:
        types = ", ".join(item.media_type for item in FORMATS.values())
        raise NotAcceptable(f"the Accept header allows none of: {types}")
    return best


def _ranges(accept: str) -> dict[str, float]:
    ranges: dict[str, float] = {}
    for item in accept.split(","):
        media_range, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        ranges[media_range] = _weight(weight)
    return ranges


def _weight(text: str) -> float:
    digits = text.replace(".", "", 1)
    return min(float(text), 1.0) if digits.isascii() and digits.isdigit() else 0.0


def _quality(media_type: str, ranges: Mapping[str, float]) -> float:
    for candidate in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
        if candidate in ranges:
            return ranges[candidate]
    return 0.0
