"""JSON as RFC 8259 has it: no NaN or Infinity, integers of any length."""

import json
from typing import Any, NoReturn

#: Python refuses to convert integers beyond 4300 digits (``sys.int_info``); none so long is in range here.
_LONG_INTEGER = 4000


def loads(text: str) -> Any:
    """Return the value of a JSON text; an integer of thousands of digits stays text.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    try:
        return json.loads(text, parse_constant=_not_json)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return json.loads(text, parse_constant=_not_json, parse_int=_integer)


def _integer(text: str) -> int | str:
    return int(text) if len(text) < _LONG_INTEGER else text


def _not_json(constant: str) -> NoReturn:
    raise json.JSONDecodeError(f"{constant} is not JSON", constant, 0)
