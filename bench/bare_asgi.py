"""The least that answering over HTTP can cost: an ASGI application that sends one prepared body."""

import os
from pathlib import Path
from typing import Any

BODY = Path(os.environ["BENCH_BODY"]).read_bytes()
START: dict[str, Any] = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())],
}


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer whatever is asked."""
    if scope["type"] == "http":
        await send(START)
        await send({"type": "http.response.body", "body": BODY})
