"""Query parameters: declared once per endpoint, read strictly, shown in OpenAPI and docs."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from app.errors import near_miss
from app.serving.errors import Fault, InvalidParameters, invalid

MAX_QUERY_BYTES = 65_536
MAX_VALUES = 1_000
MAX_LIMIT = 1_000
DEFAULT_LIMIT = 100
#: How ``limit=all`` is read.
ALL = 0
MAX_KEY = 10**18 - 1
_SHOWN = 64

#: Parses one value; raises ValueError saying what the value may be.
Parse = Callable[[str], Any]


@dataclass(frozen=True)
class Parameter:
    """A query parameter: how one value of it is parsed, and its JSON schema."""

    name: str
    description: str
    parse: Parse
    schema: Mapping[str, Any]
    repeatable: bool = False
    default: Any = None
    required: bool = False

    def read(self, values: Sequence[str]) -> Any:
        """Return the parsed value; for a repeatable parameter the sorted set of them.

        Raises:
            ValueError: what the value may be.
        """
        for value in values:
            if "\0" in value:
                raise ValueError("must not contain the character NUL")
            if not value:
                raise ValueError("must not be empty")
        if self.repeatable:
            return tuple(sorted({self.parse(value) for value in values}))
        if len(values) > 1:
            raise ValueError("must be given once")
        return self.parse(values[0])


def pairs(query: bytes) -> list[tuple[str, str]]:
    """Split a query string into decoded names and values (WHATWG URL, application/x-www-form-urlencoded).

    Raises:
        InvalidParameters: it is too long, has too many parameters, or a value is not UTF-8.
    """
    if len(query) > MAX_QUERY_BYTES:
        raise InvalidParameters([Fault("", f"the query is longer than {MAX_QUERY_BYTES} bytes")])
    parts = [part for part in query.split(b"&") if part]
    if len(parts) > MAX_VALUES:
        raise InvalidParameters([Fault("", f"the query has more than {MAX_VALUES} values")])
    return [_pair(part) for part in parts]


def _pair(part: bytes) -> tuple[str, str]:
    name, _, value = part.replace(b"+", b" ").partition(b"=")
    if b"%" in part:
        name, value = unquote_to_bytes(name), unquote_to_bytes(value)
    known = name.decode(errors="replace")  # what is not UTF-8 is no name that is known
    try:
        return known, value.decode()
    except UnicodeDecodeError:
        raise invalid(known[:_SHOWN], "must be percent-encoded UTF-8") from None


def read(query: bytes, known: Mapping[str, Parameter]) -> dict[str, Any]:
    """Return the value of every known parameter, its default where it is absent.

    Raises:
        InvalidParameters: with every parameter at fault.
    """
    given: dict[str, list[str]] = {}
    for name, value in pairs(query):
        given.setdefault(name, []).append(value)
    faults = [
        Fault(name[:_SHOWN], f"unknown parameter; {near_miss(name[:_SHOWN], known)}")
        for name in given
        if name not in known
    ]
    result = {}
    for name, parameter in known.items():
        try:
            if name in given:
                result[name] = parameter.read(given[name])
            elif parameter.required:
                raise ValueError("is required")
            else:
                result[name] = parameter.default
        except ValueError as error:
            faults.append(Fault(name, str(error)))
    if faults:
        raise InvalidParameters(faults)
    return result


def whole(smallest: int, largest: int) -> Parse:
    """Parse a whole number written in ASCII digits."""

    def parse(value: str) -> int:
        if not re.fullmatch("[0-9]{1,19}", value) or not smallest <= int(value) <= largest:
            raise ValueError(f"must be a whole number from {smallest} to {largest}")
        return int(value)

    return parse


def whole_or_all(smallest: int, largest: int) -> Parse:
    """Parse a whole number written in ASCII digits, or ``all``."""
    number = whole(smallest, largest)

    def parse(value: str) -> int:
        try:
            return ALL if value == "all" else int(number(value))
        except ValueError as error:
            raise ValueError(f"{error}, or all") from None

    return parse


def one_of(*words: str) -> Parse:
    """Parse one of these words."""

    def parse(value: str) -> str:
        if value not in words:
            raise ValueError(f"no such value; {near_miss(value[:_SHOWN], words)}")
        return value

    return parse


def comma_separated(value: str) -> tuple[str, ...]:
    """Parse a comma-separated list of fields, each named once, with or without a leading ``-``."""
    words = tuple(value.split(","))
    if not all(words):
        raise ValueError("must be a comma-separated list without empty items")
    seen: set[str] = set()
    for name in (word.removeprefix("-") for word in words):
        if name in seen:
            raise ValueError(f"must name a field once, and names {name[:_SHOWN]!r} again")
        seen.add(name)
    return words


def integer(name: str, description: str, smallest: int, largest: int, **more: Any) -> Parameter:
    """Declare a whole-number parameter."""
    schema = {"type": "integer", "minimum": smallest, "maximum": largest}
    return Parameter(name, description, whole(smallest, largest), schema, **more)


def text(name: str, description: str, **more: Any) -> Parameter:
    """Declare a free-text parameter."""
    return Parameter(name, description, str, {"type": "string", "minLength": 1}, **more)


def choice(name: str, description: str, words: Sequence[str], **more: Any) -> Parameter:
    """Declare a parameter that is one of some words."""
    return Parameter(name, description, one_of(*words), {"type": "string", "enum": list(words)}, **more)
