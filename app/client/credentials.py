"""Bearer tokens for httpx: a ready one, or those that client credentials get (RFC 6749, section 4.4)."""

import math
import re
import time
from collections.abc import Callable, Generator
from threading import Lock
from urllib.parse import quote_plus

import httpx

from app.client.errors import UnexpectedAnswer, document, token_refused

#: A token is renewed this long before it ends, or in its last tenth where that is shorter.
MARGIN_S = 60.0
#: RFC 6750, section 2.1. Errors of httpx show the headers that it refuses to send, so none are given to it.
_TOKEN = re.compile("[A-Za-z0-9._~+/-]+=*")


class ReadyToken(httpx.Auth):
    """Adds a token that somebody else got, and renews when it ends."""

    def __init__(self, token: str) -> None:
        if not _TOKEN.fullmatch(token):
            raise ValueError("the token holds what no bearer token may: a line break, say")
        self._token = token

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with the token."""
        yield _with(self._token, request)


class ClientCredentials(httpx.Auth):
    """Adds a bearer token to requests; threads share one token.

    A 401 renews it once: it may have been revoked, or the server's keys replaced.
    """

    def __init__(
        self,
        token_url: httpx.URL,
        client_id: str,
        client_secret: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._token_url = token_url
        # Both parts are form-encoded before they are joined (RFC 6749, section 2.3.1).
        self._basic = httpx.BasicAuth(quote_plus(client_id), quote_plus(client_secret))
        self._clock = clock
        self._lock = Lock()
        self._token: str | None = None
        self._until = 0.0

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with a token, and once more with a new one if it is refused."""
        token = yield from self._valid(None)
        response = yield _with(token, request)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            token = yield from self._valid(token)
            yield _with(token, request)

    def _valid(self, refused: str | None) -> Generator[httpx.Request, httpx.Response, str]:
        """Give the token that all share, a new one where it ends soon or is the one that was refused."""
        with self._lock:
            if self._token is None or self._token == refused or self._clock() >= self._until:
                yield from self._renew()
            assert self._token is not None  # noqa: S101 - set by _renew
            return self._token

    def _renew(self) -> Generator[httpx.Request, httpx.Response, None]:
        self._token = None
        asked = self._clock()
        form = {"grant_type": "client_credentials"}
        request = httpx.Request("POST", self._token_url, data=form, headers={"Accept": "application/json"})
        response = yield next(self._basic.auth_flow(request))
        response.read()
        if response.status_code != httpx.codes.OK:
            raise token_refused(response)
        granted = document(response)
        token = granted.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise UnexpectedAnswer("the token endpoint answered without a token")
        self._token, self._until = token, asked + _good_for(granted.get("expires_in"))


def _good_for(expires_in: object) -> float:
    """Return how long a token is used: until it is refused where its life is unknown (RFC 6749, 5.1)."""
    if not isinstance(expires_in, int | float):
        return math.inf
    return max(expires_in - MARGIN_S, expires_in * 0.9)


def _with(token: str, request: httpx.Request) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token}"
    return request
