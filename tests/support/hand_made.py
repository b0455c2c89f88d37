"""An ASGI application that does what a test tells it to."""

import asyncio
import threading

from starlette.types import Receive, Scope, Send


class HandMade:
    """``/endless`` never ends, ``/bytes/N`` is large, anything else answers.

    ``/wait`` waits for ``go`` after its head, ``/late`` before it.
    """

    def __init__(self) -> None:
        self.go = threading.Event()
        self.ended = threading.Event()
        self.waiting = threading.Semaphore(0)

    def at_once(self, _: Scope) -> None:
        """Have nothing finished."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        if scope["type"] == "lifespan":
            for event in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{event}.complete"})
            return
        try:
            await self._answer(scope["path"], send)
        finally:
            self.ended.set()

    async def _answer(self, path: str, send: Send) -> None:
        if path == "/late":
            await self._wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if path == "/wait":
            await self._wait()
        if path.startswith("/bytes/"):
            for _ in range(int(path.removeprefix("/bytes/")) // 65_536):
                await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})
        while path == "/endless":
            await send({"type": "http.response.body", "body": bytes(1_000), "more_body": True})
            await asyncio.sleep(0.01)
        await send({"type": "http.response.body", "body": b"done"})

    async def _wait(self) -> None:
        self.waiting.release()
        await asyncio.to_thread(self.go.wait)
