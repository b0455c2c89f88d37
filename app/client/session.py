"""Questions over HTTP: sent with a token, tried again where that may help, errors raised as types."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from app.client.errors import MartsError, UnexpectedAnswer, Unreachable, document, problem
from app.client.retry import Retry

JSON = "application/json"
#: Name and value of each query parameter; a repeatable one occurs several times.
Pairs = Sequence[tuple[str, str]]


class Session:
    """One connection pool with its credentials. Threads may share it."""

    def __init__(self, http: httpx.Client, retry: Retry) -> None:
        self.http = http
        self._retry = retry

    def get(self, path: str, query: Pairs = (), accept: str = JSON) -> httpx.Response:
        """Return an answer 200, whole.

        Raises:
            MartsError: a problem, a refused token, a server out of reach, after the last attempt.
        """
        attempt = 1
        while True:
            try:
                return self._once(path, query, accept)
            except MartsError as error:
                if not self._retry.wait(attempt, error):
                    raise
            attempt += 1

    def json(self, path: str, kind: type, query: Pairs = ()) -> tuple[Any, Mapping[str, Any]]:
        """Return the ``data`` of an answer, which is of a kind, and its ``meta``.

        Raises:
            MartsError: as ``get`` does, or the answer is not of this API.
        """
        found = document(self.get(path, query))
        data, meta = found.get("data"), found.get("meta")
        if not isinstance(data, kind) or not isinstance(meta, dict):
            raise UnexpectedAnswer(f"what {path} answered is not of this API")
        return data, meta

    def _once(self, path: str, query: Pairs, accept: str) -> httpx.Response:
        try:
            response = self.http.get(path, params=list(query), headers={"Accept": accept})
        except httpx.TransportError as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        except httpx.DecodingError as error:
            raise UnexpectedAnswer(f"the body of {path} is broken: {error}") from error
        except (httpx.InvalidURL, UnicodeError) as error:
            raise MartsError(f"{path} cannot be asked this: {error}") from error
        if response.status_code >= httpx.codes.BAD_REQUEST:
            raise problem(response)
        if response.status_code != httpx.codes.OK:
            raise UnexpectedAnswer(f"{path} answered {response.status_code} {response.reason_phrase}")
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != accept:
            raise UnexpectedAnswer(f"{path} answered with {kind or 'something'} instead of {accept}")
        return response
