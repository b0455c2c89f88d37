"""``Client``: the whole API behind one object."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, Unpack, cast
from urllib.parse import quote

import httpx

from app.client.credentials import ClientCredentials, ReadyToken
from app.client.listings import Listings
from app.client.pages import Rows
from app.client.queries import ChangesQuery, RunsQuery, pairs
from app.client.retry import Retry
from app.client.rows import Change, Run
from app.client.session import Session

#: Seconds to wait for a connection and for each part of an answer; an export takes longer as a whole.
TIMEOUT = httpx.Timeout(60, connect=10)
AGENT = "movie-marts-client"


class Client(Listings):
    """Reads the marts over HTTP. Threads may share it; ``close`` it, or use it as a context manager.

    It gets tokens with ``client_id`` and ``client_secret``, from ``token_url`` if not from the server itself,
    and renews them; or it uses a ready ``token``. ``transport`` is httpx's: a proxy, a test.

    Raises:
        ValueError: it was given neither a token nor id and secret, or both.
    """

    def __init__(
        self,
        url: str,
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
        token: str | None = None,
        token_url: str | None = None,
        timeout: httpx.Timeout | float = TIMEOUT,
        retry: Retry = Retry(),  # noqa: B008 - frozen
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        base = httpx.URL(url.rstrip("/"))
        tokens = httpx.URL(token_url or f"{base}/oauth/token")
        http = httpx.Client(
            base_url=base,
            auth=_auth(tokens, client_id, client_secret, token),
            timeout=timeout,
            transport=transport,
            headers={"User-Agent": AGENT},
        )
        super().__init__(Session(http, retry))

    def __repr__(self) -> str:
        return f"Client({str(self._session.http.base_url)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.http.close()

    def runs(self, **query: Unpack[RunsQuery]) -> Rows[Run]:
        """Every kept run, the newest first."""
        return self._rows("/v1/runs", query)

    def current_run(self) -> Run:
        """Return the published run.

        Raises:
            Unavailable: nothing is published.
        """
        return self._one("/v1/runs/current")

    def run(self, run_id: str) -> Run:
        """Return one kept run.

        Raises:
            NotFound, RunPruned: there is none of this id, or no more.
        """
        return self._one(_path(run_id))

    def changes(self, run_id: str, *, since: str, **query: Unpack[ChangesQuery]) -> Rows[Change]:
        """Rows of the marts that differ from an earlier run's, by mart and key."""
        return self._rows(f"{_path(run_id)}/changes", {"since": since, **query})

    def _one(self, path: str) -> Run:
        return cast("Run", self._session.json(path, dict)[0])

    def _rows(self, path: str, query: Mapping[str, Any]) -> Rows[Any]:
        asked = dict(query)
        limit = asked.pop("limit", None)
        return Rows(self._session, path, pairs(asked), limit)


def _auth(url: httpx.URL, client_id: str | None, secret: str | None, token: str | None) -> httpx.Auth:
    match client_id, secret, token:
        case None, None, str(ready):
            return ReadyToken(ready)
        case str(name), str(shared), None:
            return ClientCredentials(url, name, shared)
    raise ValueError("give client_id and client_secret, or a token")


def _path(run_id: str) -> str:
    return f"/v1/runs/{quote(run_id, safe='')}"
