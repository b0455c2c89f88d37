"""List cells: genres and production companies.

Chosen where the contract is silent: a tuple or a set is no list, ``1.0`` is no integer, and a JSON number
of any length is strict JSON, even where Python would refuse to convert it. A Python literal may be what
``ast.literal_eval`` reads with the interpreter's own limits (4,300 digits, 200 open brackets).
"""

import ast
import json
import warnings
from functools import cache
from typing import Any

from tests.reference.cells import InvalidCellError

MAX_ID = 10**18 - 1


@cache
def members(cell: str) -> dict[int, str]:
    """``{id: name}`` of a list cell; a repeated id keeps its smallest name; InvalidCellError."""
    text = cell.strip()
    if text == "":
        return {}
    value = _parse(text)
    if not isinstance(value, list):
        raise InvalidCellError(cell)
    names: dict[int, str] = {}
    for item in value:
        key, name = _member(item)
        names[key] = min(name, names.get(key, name))
    return names


def _member(item: Any) -> tuple[int, str]:
    if not isinstance(item, dict) or "id" not in item or "name" not in item:
        raise InvalidCellError(item)
    key, name = item["id"], item["name"]
    if not isinstance(key, int) or isinstance(key, bool) or not 0 <= key <= MAX_ID:
        raise InvalidCellError(item)
    if not isinstance(name, str) or name.strip() == "":
        raise InvalidCellError(item)
    if any(char == "\0" or 0xD800 <= ord(char) <= 0xDFFF for char in name):
        raise InvalidCellError(item)
    return key, name.strip()


def _parse(text: str) -> Any:
    """Strict JSON, else a Python literal; InvalidCellError where it is neither."""
    try:
        return json.loads(text, parse_constant=_no_constant, parse_int=_integer)
    except (ValueError, RecursionError):
        return _literal(text)


def _literal(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # '\d' is read, with a warning
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise InvalidCellError(text) from error


def _no_constant(name: str) -> Any:
    raise ValueError(name)  # NaN, Infinity and -Infinity are not JSON


def _integer(digits: str) -> int:
    """An integer; one of more than 30 characters is out of every range, so its value does not matter."""
    return int(digits) if len(digits) <= 30 else -1
