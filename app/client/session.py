"""Questions over HTTP: sent with a token, tried again where that may help, errors raised as types."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from app.client.errors import MartsError, UnexpectedAnswer, Unreachable, problem
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

    def json(self, path: str, query: Pairs = ()) -> Mapping[str, Any]:
        """Return the envelope of an answer: ``data``, ``meta`` and ``links``."""
        response = self.get(path, query)
        try:
            found = response.json()
        except ValueError:
            found = None
        if not isinstance(found, dict) or not {"data", "meta", "links"} <= found.keys():
            raise UnexpectedAnswer(f"what {path} answered is not of this API")
        return found

    def _once(self, path: str, query: Pairs, accept: str) -> httpx.Response:
        try:
            response = self.http.get(path, params=list(query), headers={"Accept": accept})
        except httpx.TransportError as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        except httpx.DecodingError as error:
            raise UnexpectedAnswer(f"the body of {path} is broken: {error}") from error
        if response.status_code >= httpx.codes.BAD_REQUEST:
            raise problem(response)
        if response.status_code != httpx.codes.OK:
            raise UnexpectedAnswer(f"{path} answered {response.status_code} {response.reason_phrase}")
        return response
