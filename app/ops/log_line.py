"""Parts of a line of the access log: printable ASCII whatever a client sends, and never a token or a secret.

Parts that come again are remembered as text, which makes a line cheaper than any encoder would.
"""

import re
import time
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from urllib.parse import unquote_plus

from app.ops.secret_text import MASK, STARTS

#: Characters of a path or a query that are shown.
LONGEST = 1_000
CUT = "..."
#: Callers and questions whose text is remembered.
REMEMBERED = 1_024
#: Returns a text as JSON in which everything but printable ASCII is escaped.
quoted = encode_basestring_ascii
#: Where none of these is, there is nothing to hide, however it is escaped: found quickly.
_SIGNS = (
    "%",
    "eyj",
    "mm_",
    "token",
    "secret",
    "passw",
    "pwd",
    "assertion",
    "credential",
    "authori",
    "bearer",
    "api",
)
#: A name that speaks of a secret, and what follows it up to its value.
_SECRET = re.compile(
    "(?:token|secret|passw|pwd|assertion|credential|authori[sz]ation|bearer|api[-_]?key)[^=&]*=",
    re.IGNORECASE,
)
_VALUE = re.compile(STARTS)


@lru_cache(2)
def second(at: int) -> str:
    """Return a second since the epoch as the beginning of a time of RFC 3339, up to its fraction."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))


@lru_cache(REMEMBERED)
def caller(client: str | None, client_id: str | None, jti: str | None, run_id: str | None) -> str:
    """Return the fields of who asked, by which token, and of which run."""
    return (
        f'"client":{_text(client)},"client_id":{_text(client_id)},"jti":{_text(jti)},"run_id":{_text(run_id)}'
    )


@lru_cache(REMEMBERED)
def question(method: str, path: str, query: bytes, route: str) -> str:
    """Return the fields of what was asked; what is longer than ``LONGEST`` is cut."""
    shown = _cut(masked(path, "/")), _cut(masked(query.decode("latin-1"), "&"))
    return (
        f'"method":{quoted(_cut(method))},"path":{quoted(shown[0])},"query":{quoted(shown[1])},'
        f'"route":{quoted(route)}'
    )


def _text(value: str | None) -> str:
    return "null" if value is None else quoted(value)


def _cut(value: str) -> str:
    return value if len(value) <= LONGEST else value[:LONGEST] + CUT


def masked(text: str, separator: str) -> str:
    """Return a path or a query without its secrets, however they are escaped; ``separator`` parts it."""
    if not any(map(text.lower().__contains__, _SIGNS)):
        return text
    return separator.join(map(_masked_part, text.split(separator)))


def _masked_part(part: str) -> str:
    """Return a parameter, or a step of a path, without its value where that may be a secret."""
    plain = unquote_plus(part)
    if not _VALUE.search(plain) and not _SECRET.search(plain):
        return part
    name, equals, _ = part.partition("=")
    return f"{name}={MASK}" if equals and not _VALUE.search(unquote_plus(name)) else MASK
