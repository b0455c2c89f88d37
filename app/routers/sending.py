"""Sending answers: the same bytes whether FastAPI routed the request or not."""

import asyncio
from collections.abc import AsyncGenerator, Iterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.serving.answer import Answer

HEAD = "head"
#: Of a body that is streamed no more is sent at once: other requests have their turn in between.
PIECE_BYTES = 64 * 1024


async def send_answer(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Send an answer; of one that is streamed, nothing more once the client is gone."""
    state, rows = scope["state"], answer.rows
    state["run_id"] = answer.headers.get("Run-Id")
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.raw_headers})
    try:
        if answer.chunks is not None:
            await _send_chunks(answer.chunks, scope, receive, send)
    finally:
        state["rows"] = rows() if callable(rows) else rows
    await send({"type": "http.response.body", "body": answer.body})


async def _send_chunks(
    chunks: AsyncGenerator[bytes, None], scope: Scope, receive: Receive, send: Send
) -> None:
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        if without_body(scope):
            return
        async for chunk in chunks:
            for piece in _pieces(chunk):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                await asyncio.sleep(0)
            if gone.done():
                return
    finally:
        gone.cancel()
        await chunks.aclose()


def _pieces(chunk: bytes) -> Iterator[bytes]:
    return (chunk[start : start + PIECE_BYTES] for start in range(0, len(chunk), PIECE_BYTES))


def without_body(scope: Scope) -> bool:
    """Say whether the request is a HEAD: below the outermost layer it looks like a GET."""
    return bool(scope.get("state", {}).get(HEAD))


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Sent(Response):
    """An answer as a response of FastAPI."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(status_code=answer.status)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send_answer(self._answer, scope, receive, send)
