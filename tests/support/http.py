"""The real application, called in this process without a network."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from app.auth.clients import create_client
from app.auth.scopes import SCOPES


@dataclass
class Api:
    """Calls an application with a bearer token, in one event loop of its own."""

    app: FastAPI
    token: str | None = None
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        """Send one request; ``headers`` with None as value leave a header out."""
        return self.runner.run(self._request(method, url, **options))

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str | None] | None = None, **options: Any
    ) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        sent = {name: value for name, value in {**bearer, **(headers or {})}.items() if value is not None}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
            return await client.request(method, url, headers=sent, **options)

    def get(
        self, url: str, headers: Mapping[str, str | None] | None = None, **parameters: Any
    ) -> httpx.Response:
        """Send a GET; keyword arguments are query parameters."""
        return self.request("GET", url, headers=headers, params=parameters or None)

    def raw(self, method: str, path: str, query: bytes = b"") -> tuple[int, bytes]:
        """Send what no client would send, and return the status and the body that no server cut."""
        return self.runner.run(self._raw(method, path, query))

    async def _raw(self, method: str, path: str, query: bytes) -> tuple[int, bytes]:
        sent: list[Any] = []
        received = iter([{"type": "http.request"}])

        async def receive() -> Any:
            """Give the request, and then wait as long as the client stays."""
            return next(received, None) or await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"authorization", f"Bearer {self.token}".encode())]
        scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": headers}
        await self.app(scope, receive, send)
        return int(sent[0]["status"]), b"".join(message.get("body", b"") for message in sent[1:])

    def rows(self, url: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return the data of an answer that must be 200."""
        answer = self.get(url, **parameters)
        assert answer.status_code == 200, answer.text
        data: list[dict[str, Any]] = answer.json()["data"]
        return data

    def walk(self, url: str, **parameters: Any) -> list[list[dict[str, Any]]]:
        """Follow ``links.next`` to the end and return the pages."""
        pages = []
        answer = self.get(url, **parameters)
        while True:
            assert answer.status_code == 200, answer.text
            pages.append(answer.json()["data"])
            following = answer.json()["links"]["next"]
            if following is None:
                return pages
            answer = self.get(following)


def authorized(app: FastAPI, *scopes: str, runner: asyncio.Runner | None = None) -> Api:
    """Make a client with some scopes, all unless given, get it a token and return the API as it sees it."""
    auth = app.state.auth
    new = create_client(auth.engine, "test", list(scopes or SCOPES))
    auth.watcher.refresh()
    api = Api(app, None, runner or asyncio.Runner())
    credentials = (new.client.client_id, new.secret)
    answer = api.request("POST", "/oauth/token", data={"grant_type": "client_credentials"}, auth=credentials)
    api.token = answer.json()["access_token"]
    return api
