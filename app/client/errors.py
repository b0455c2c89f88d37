"""What can go wrong, as types. No message, attribute or representation ever holds a secret or a token."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx


@dataclass(frozen=True)
class ParameterFault:
    """One parameter at fault, and why."""

    parameter: str
    detail: str


class MartsError(Exception):
    """Base of everything that the client raises. ``retry_after_s`` is what the server asked to wait."""

    retry_after_s: float | None = None


class Unreachable(MartsError):
    """The server could not be reached, or the connection broke, in every attempt."""


class UnexpectedAnswer(MartsError):
    """An answer that the API never gives: something else answers at this address, or on the way to it."""


class TokenRefused(MartsError):
    """The token endpoint refused (RFC 6749, section 5.2): ``error`` is its code, ``invalid_client`` say."""

    def __init__(self, status: int, error: str, description: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{error}: {description}" if description else error)
        self.status = status
        self.error = error
        self.description = description
        self.retry_after_s = retry_after_s


class Problem(MartsError):
    """An error of the API (RFC 9457). ``request_id`` finds the request in the server's log."""

    def __init__(self, status: int, body: Mapping[str, Any], retry_after_s: float | None = None) -> None:
        self.status = status
        self.type = str(body.get("type", "about:blank"))
        self.title = str(body.get("title", ""))
        self.detail = str(body.get("detail", ""))
        self.instance = str(body.get("instance", ""))
        self.request_id: str | None = body.get("request_id")
        self.errors = tuple(_faults(body.get("errors")))
        self.retry_after_s = retry_after_s
        super().__init__(self._text())

    def _text(self) -> str:
        found = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.status} {self.title}: {self.detail}{found}"


def _faults(items: Any) -> Iterator[ParameterFault]:
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            yield ParameterFault(str(item.get("parameter", "")), str(item.get("detail", "")))


class InvalidParameters(Problem):
    """400: ``errors`` names every parameter at fault."""


class Unauthorized(Problem):
    """401: a token that was got a moment ago is not accepted."""


class Forbidden(Problem):
    """403: the client lacks the scope."""


class NotFound(Problem):
    """404: no such run."""


class NotAcceptable(Problem):
    """406: the server does not have the format."""


class RunPruned(Problem):
    """409: the run, or the one whose pages were being read, was deleted. Ask anew without ``run``."""


class RateLimited(Problem):
    """429: over the client's limit, still so after the last attempt."""


class Unavailable(Problem):
    """503: nothing is published, the store is down or the server saturated, still so in the last attempt."""


BY_STATUS: Mapping[int, type[Problem]] = {
    400: InvalidParameters,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    406: NotAcceptable,
    409: RunPruned,
    429: RateLimited,
    503: Unavailable,
}


def problem(response: httpx.Response) -> Problem:
    """Return the error that an answer is; a proxy's own answer is a problem without a request id."""
    body = document(response)
    if "status" not in body:
        body = {"title": response.reason_phrase, "detail": "the answer came from something before the API"}
    kind = BY_STATUS.get(response.status_code, Problem)
    return kind(response.status_code, body, retry_after(response))


def token_refused(response: httpx.Response) -> MartsError:
    """Return the error that an answer of the token endpoint is."""
    body = document(response)
    if "error" not in body:
        return problem(response)
    description = str(body.get("error_description", ""))
    return TokenRefused(response.status_code, str(body["error"]), description, retry_after(response))


def document(response: httpx.Response) -> Mapping[str, Any]:
    """Return the JSON object of an answer, an empty one where there is none."""
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds that ``Retry-After`` asks for: a number or a date (RFC 9110, section 10.2.3)."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
