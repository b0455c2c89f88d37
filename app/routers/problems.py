"""Every error as ``application/problem+json`` (RFC 9457), one shape for all of them."""

import logging
from collections.abc import Mapping, MutableMapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app.auth.errors import AccessRestricted, BearerError, InvalidRequest
from app.auth.quota import RateLimited
from app.errors import (
    AppError,
    NothingPublished,
    PrunedRun,
    StoreFailure,
    UnknownRun,
)
from app.marts.names import slug
from app.ops.log_line import masked
from app.ops.secret_text import hidden
from app.routers.head import path
from app.serving.errors import (
    Fault,
    InvalidParameters,
    NoStore,
    NotAcceptable,
    Restricted,
    RunAtFault,
    Saturated,
    StatementTimeout,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
#: Name in the state of a request of the ``BearerError`` that it was refused with, for the audit log.
REFUSED = "refused"
TITLES = {
    400: "Invalid parameters",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Run pruned",
    429: "Too many requests",
    503: "Not available yet",
}
STATUSES: Mapping[type[AppError], int] = {
    UnknownRun: 404,
    NotAcceptable: 406,
    PrunedRun: 409,
}
log = logging.getLogger(__name__)


def problem(
    scope: Mapping[str, Any],
    status: int,
    detail: str,
    title: str | None = None,
    headers: Mapping[str, str] | None = None,
    faults: Sequence[Fault] = (),
) -> Response:
    """Return the one error body. ``type`` names the kind of problem and is stable for programs.

    It repeats what a client sent, but never what looks like a token or a secret.
    """
    name = title or TITLES.get(status, HTTPStatus(status).phrase)
    body = {
        "type": f"urn:movie-marts:problem:{slug(name)}",
        "title": name,
        "status": status,
        "detail": hidden(detail),
        "instance": masked(path(scope), "/"),
        "request_id": scope.get("state", {}).get("request_id"),
        "errors": [
            {"parameter": hidden(fault.parameter), "detail": hidden(fault.detail)} for fault in faults
        ],
    }
    head = {"Cache-Control": "no-store", **(headers or {})}
    return Response(orjson.dumps(body), status, head, MEDIA_TYPE)


def unexpected(scope: Mapping[str, Any]) -> Response:
    """Return the answer to a failure of the program, which says nothing of its inside."""
    return problem(scope, 500, "Something failed here; the request id finds it in the server's log.")


def answer_to(scope: MutableMapping[str, Any], error: Exception) -> Response:
    """Return the answer to an error; one that no client can have caused is logged, and is a 500."""
    match error:
        case BearerError():
            return _bearer_error(scope, error)
        case Restricted():
            return _bearer_error(scope, AccessRestricted(str(error)))
        case RunAtFault():
            fault = Fault(error.parameter, error.message)
            return problem(scope, STATUSES[type(error.cause)], error.message, faults=[fault])
        case InvalidParameters():
            return problem(scope, 400, str(error), faults=error.faults)
        case StoreFailure():
            log.error("request %s: %s", scope.get("state", {}).get("request_id"), error.message)
            missing = isinstance(error, NoStore)
            said = "The warehouse could not be read so far." if missing else "The store cannot be read."
            return _later(scope, 503, said, RETRY_AFTER_S)
        case RateLimited():
            return _later(scope, 429, str(error), error.retry_after_s)
        case NothingPublished() | StatementTimeout() | Saturated():
            return _later(scope, 503, error.message, RETRY_AFTER_S)
        case AppError() if type(error) in STATUSES:
            return problem(scope, STATUSES[type(error)], str(error))
    log.error("unexpected error", exc_info=error)
    return unexpected(scope)


def _bearer_error(scope: MutableMapping[str, Any], error: BearerError) -> Response:
    state = scope.setdefault("state", {})
    state[REFUSED] = error
    if error.client_id is not None:  # it is known whose token does not reach this far
        state["client_id"], state["jti"] = error.client_id, error.jti
    parameter = error.parameter if isinstance(error, InvalidRequest) else None
    faults = [Fault(parameter, error.detail)] if parameter else []
    return problem(scope, error.status, error.detail, error.title, error.headers, faults)


def _later(scope: Mapping[str, Any], status: int, detail: str, retry_after_s: int) -> Response:
    return problem(scope, status, detail, headers={"Retry-After": str(retry_after_s)})


async def _app_error(request: Request, error: Exception) -> Response:
    return answer_to(request.scope, error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what the handler is registered for
    headers = dict(error.headers or {})
    if "GET" in headers.get("Allow", ""):
        headers["Allow"] += ", HEAD"
    return problem(request.scope, error.status_code, str(error.detail), headers=headers)


async def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what the handler is registered for
    faults = [Fault(".".join(map(str, item["loc"][1:])), item["msg"]) for item in error.errors()]
    return problem(request.scope, 400, "the request is not valid", faults=faults)


def install(app: FastAPI) -> None:
    """Let the application answer every error as a problem."""
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
