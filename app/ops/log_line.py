"""One line of the access log: printable ASCII whatever a client sends, and never a token or a secret."""

import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_plus

import orjson

#: Characters of a path or a query that are shown.
LONGEST = 1_000
#: Paths and queries whose shown form is remembered: most are asked again.
REMEMBERED = 512
CUT, MASK = "...", "***"
#: A name that speaks of a secret, and what follows it up to its value.
_SECRET = re.compile(
    "(?:token|secret|passw|pwd|assertion|credential|authori[sz]ation|bearer|api[-_]?key)[^=&]*=",
    re.IGNORECASE,
)
#: A JSON Web Token begins with the base64url of ``{"``.
_JWT = re.compile(r"eyJ[\w-]{5}")
_UNPRINTABLE = b"\x7f"


class Entry(NamedTuple):
    """What is logged of a request; ``path`` and ``query`` as they were sent, longer than shown where cut."""

    at: float
    request_id: str
    client: str | None
    client_id: str | None
    method: str
    path: str
    query: bytes
    route: str
    status: int
    size: int
    seconds: float
    run_id: str | None


def formatted(entry: Entry) -> bytes:
    """Return the line."""
    document = {
        "time": datetime.fromtimestamp(entry.at, UTC),
        "request_id": entry.request_id,
        "client": entry.client,
        "client_id": entry.client_id,
        "method": _cut(entry.method),
        "path": _shown(entry.path, "/"),
        "query": _shown(entry.query.decode("latin-1"), "&"),
        "route": entry.route,
        "status": entry.status,
        "bytes": entry.size,
        "seconds": round(entry.seconds, 6),
        "run_id": entry.run_id,
    }
    try:
        line = orjson.dumps(document, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a lone surrogate
        line = _UNPRINTABLE
    if line.isascii() and _UNPRINTABLE not in line:
        return line
    return json.dumps(document, default=_rfc3339).encode() + b"\n"  # slower, and escapes what orjson does not


def _rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _cut(value: str) -> str:
    return value if len(value) <= LONGEST else value[:LONGEST] + CUT


@lru_cache(REMEMBERED)
def _shown(text: str, separator: str) -> str:
    return _cut(_masked(text, separator))


def _masked(text: str, separator: str) -> str:
    if "%" not in text and "eyJ" not in text and not _SECRET.search(text):
        return text
    return separator.join(map(_masked_part, text.split(separator)))


def _masked_part(part: str) -> str:
    """Return a parameter, or a step of a path, without its value where that may be a secret."""
    plain = unquote_plus(part)
    if not _JWT.search(plain) and not _SECRET.search(plain):
        return part
    name, equals, _ = part.partition("=")
    return f"{name}={MASK}" if equals and not _JWT.search(unquote_plus(name)) else MASK
