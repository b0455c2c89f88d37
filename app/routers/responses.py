"""What answers have in common in the OpenAPI document: headers, and one response per kind of error."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from fastapi import Response

from app.auth.errors import InsufficientScope, Unauthorized
from app.auth.quota import RateLimited
from app.errors import AppError, NothingPublished, PrunedRun, UnknownRun
from app.routers.examples import AT, OLD_RUN_ID
from app.routers.problems import MEDIA_TYPE, answer_to, problem, unexpected
from app.serving.errors import NotAcceptable, RunAtFault, invalid

_SCOPE = {"path": "/v1/aggregates/genres", "state": {"request_id": "5f2d8c1e9b7a4630000000000042"}}
#: Statuses that any request may have, and any with a body.
EVERYWHERE, OF_A_BODY = (400, 408, 414, 421, 431, 500, 503), (413,)
HEADERS: Mapping[str, str] = {
    "X-Request-Id": "Id of the request in the server's log: the client's own where it sent one.",
    "Run-Id": "Run that the answer comes from.",
    "Replica-Age": "Whole seconds since the warehouse last said what this machine's copy of it has. Absent"
    " where the warehouse itself is read.",
    "ETag": "Entity tag of the answer, for `If-None-Match`.",
    "Cache-Control": "`private, no-cache`: ask with `If-None-Match`. What is pinned by `run` never changes.",
    "Vary": "Request headers that the answer depends on.",
    "Link": 'The next page: `<...>; rel="next"` (RFC 8288). Absent on the last one.',
    "WWW-Authenticate": "Challenge: how to authenticate, and what was wrong (RFC 6750, RFC 7617).",
    "Retry-After": "Seconds to wait before trying again.",
    "RateLimit-Policy": "What the client may ask: `q` requests at once, as many again in `w` seconds"
    " (draft-ietf-httpapi-ratelimit-headers-11). Absent where nothing is limited, and without a good token.",
    "RateLimit": "Requests that are left (`r`), and the seconds (`t`) until all are back; where none is,"
    " until one is.",
}
_INTEGERS = {"Replica-Age", "Retry-After"}
#: What answers to a good token say of its client's limit.
LIMIT = ("RateLimit-Policy", "RateLimit")
#: By status: the name of the response, what it means, its own headers.
ERRORS: Mapping[int, tuple[str, str, tuple[str, ...]]] = {
    400: ("InvalidParameters", "A parameter is unknown or has a bad value.", LIMIT),
    401: ("Unauthorized", "The bearer token is missing or not valid.", ("WWW-Authenticate",)),
    403: (
        "Forbidden",
        "The token lacks the scope, or its client may not read this mart.",
        ("WWW-Authenticate", *LIMIT),
    ),
    404: ("NotFound", "There is no such run.", LIMIT),
    406: ("NotAcceptable", "`Accept` allows no format that there is.", LIMIT),
    409: ("RunPruned", "The run was pruned.", LIMIT),
    408: ("TooSlow", "The request took too long to arrive.", ()),
    413: ("BodyTooLarge", "The body of the request is too large.", ()),
    414: ("RequestLineTooLong", "The request line is too long.", ()),
    421: ("Misdirected", "The server does not answer for this host.", ()),
    429: ("RateLimited", "The client is over its limit.", ("Retry-After", *LIMIT)),
    431: ("HeadersTooLarge", "The headers are too large.", ()),
    500: ("Failure", "The program failed; the request id finds it in the server's log.", ()),
    503: (
        "Unavailable",
        "Nothing is published yet, the store is down or the server is saturated.",
        ("Retry-After", *LIMIT),
    ),
}


def header_components() -> dict[str, Any]:
    """Return the headers as components."""
    return {
        name: {"description": text, "schema": {"type": "integer" if name in _INTEGERS else "string"}}
        for name, text in HEADERS.items()
    }


def headers(*names: str) -> dict[str, Any]:
    """Return references to headers; every answer has a request id."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, "X-Request-Id")}


def error_components() -> dict[str, Any]:
    """Return the error responses as components."""
    return {name: _error(status, text, own) for status, (name, text, own) in ERRORS.items()}


def _error(status: int, text: str, own: Iterable[str]) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {MEDIA_TYPE: {"schema": schema, "example": orjson.loads(_example(status).body)}}
    return {"description": text, "headers": headers(*own), "content": content}


def _example(status: int) -> Response:
    """Let the program answer such an error."""
    errors: dict[int, AppError] = {
        400: invalid("sort", "no such field 'revenu'; did you mean 'revenue'?"),
        401: Unauthorized(),
        403: InsufficientScope("marts:read"),
        404: RunAtFault("run", UnknownRun(f"no run {OLD_RUN_ID!r}")),
        406: NotAcceptable("the Accept header allows none of: application/json"),
        409: RunAtFault("run", PrunedRun(f"run {OLD_RUN_ID} was pruned on {AT}")),
        429: RateLimited("no more than 600/minute requests", 1),
        503: NothingPublished("no run is published yet"),
    }
    if status in errors:
        return answer_to(_SCOPE, errors[status])
    return unexpected(_SCOPE) if status == 500 else problem(_SCOPE, status, ERRORS[status][1])


def referred(operation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the responses of an operation, with headers; errors without a body of their own are problems."""
    common = (*EVERYWHERE, *(OF_A_BODY if "requestBody" in operation else ()))
    complete = {**{str(status): {} for status in common}, **operation["responses"]}
    return {status: _response(int(status), complete[status]) for status in sorted(complete)}


def _response(status: int, given: Mapping[str, Any]) -> Mapping[str, Any]:
    if status in ERRORS and not given.get("content"):
        return {"$ref": f"#/components/responses/{ERRORS[status][0]}"}
    return {**given, "headers": {**given.get("headers", {}), **headers()}}
