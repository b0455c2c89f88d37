"""What the application reads of a request's head: one pass over its headers."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.types import Scope

from app.marts.restrictions import Restrictions
from app.serving.answer import Ask

REQUEST_ID = b"x-request-id"
#: Name in the state of a request under which its head is kept.
_READ = "head read"
#: Ids are logged and sent back: what may be a token or a secret is none.
_SANE = re.compile(rb"(?!.*(?:eyJ|mm_))[A-Za-z0-9._-]{1,128}")
#: Headers that say what is asked, as ``Ask`` has them.
_ASKING = (b"accept", b"accept-encoding", b"if-none-match")


class Head(NamedTuple):
    """``authorization``: every value of it; ``request_id``: one that the client or a proxy gave, if sane."""

    ask: Ask
    authorization: list[bytes]
    request_id: str | None


def read_head(scope: Scope) -> Head:
    """Return what a request's head says; it is read once, whoever asks."""
    state = scope.setdefault("state", {})
    head: Head | None = state.get(_READ)
    if head is None:
        head = state[_READ] = _read(scope)
    return head


def within(scope: Scope, restrictions: Restrictions | None) -> Ask:
    """Return what a request asks for, within what its client may read: whoever reads its head sees it so."""
    head = read_head(scope)
    if restrictions is None:
        return head.ask
    ask = head.ask._replace(restrictions=restrictions)
    scope["state"][_READ] = head._replace(ask=ask)
    return ask


def _read(scope: Scope) -> Head:
    said: dict[bytes, str] = {}
    authorization: list[bytes] = []
    request_id = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization.append(value)
        elif name in _ASKING and value:
            text = value.decode("latin-1")
            said[name] = f"{said[name]}, {text}" if name in said else text
        elif name == REQUEST_ID and request_id is None and _SANE.fullmatch(value):
            request_id = value.decode("ascii")
    asked = map(said.get, _ASKING) if said else ()
    return Head(Ask(path(scope), scope["query_string"], *asked), authorization, request_id)


def path(scope: Mapping[str, Any]) -> str:
    """Return the path of a request as it was sent."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("latin-1")
