"""The application called without a client in between: what it sends, message by message."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.http import Api


@dataclass
class Sent:
    """What was sent: ``ended`` is whether the answer was complete, ``error`` what the application raised."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    parts: list[bytes] = field(default_factory=list)
    ended: bool = False
    error: Exception | None = None

    @property
    def body(self) -> bytes:
        """All parts."""
        return b"".join(self.parts)


def ask(
    api: Api,
    target: str,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
    at_part: Callable[[int], bool] = lambda _: True,
) -> Sent:
    """Call the application. ``at_part`` is told the number of each part and says whether the client stays."""
    path, _, query = target.partition("?")
    sent, gone = Sent(), asyncio.Event()
    received = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        """Give the request, and then wait until the client leaves."""
        message = next(received, None)
        if message is None:
            await gone.wait()
            message = {"type": "http.disconnect"}
        return message

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            sent.status = message["status"]
            sent.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        sent.ended = not message.get("more_body", False)
        if message.get("body"):
            sent.parts.append(message["body"])
            if not at_part(len(sent.parts)):
                gone.set()

    async def call() -> None:
        given = {"authorization": f"Bearer {api.token}", **(headers or {})}
        scope = {
            "type": "http",
            "client": ("127.0.0.1", 1),
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
        }
        try:
            await api.app(scope, receive, send)
        except Exception as error:
            sent.error = error

    api.runner.run(call())
    return sent
