"""JSON from strangers: one spelling of one meaning, or nothing."""

import json
from typing import Any

#: More brackets than any token needs, far fewer than the parser's recursion takes.
MAX_BRACKETS = 64


def parse_object(raw: bytes, max_brackets: int = MAX_BRACKETS) -> dict[str, Any]:
    """Parse a JSON object in UTF-8 (RFC 8259) of so many brackets, stricter than ``json.loads``.

    Raises:
        ValueError: not an object, duplicate names, NaN or Infinity, too deep, a BOM, not UTF-8.
    """
    if raw.count(b"{") + raw.count(b"[") > max_brackets:
        raise ValueError("nested too deep")
    document = json.loads(
        raw.decode(), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
    )
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name occurs twice")
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
