"""The least that answering over HTTP can cost: an ASGI application that sends one prepared answer.

By uvicorn's command line it stands for the best of any ASGI application; run as a module, ``PORT`` after it,
it stands on the server that ``app serve`` uses. The answer is a folder: ``status``, ``headers`` and ``body``.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

_FOLDER = Path(os.environ["BENCH_ANSWER"])
BODY = (_FOLDER / "body").read_bytes()
HEADERS = [(name.encode(), value.encode()) for name, value in json.loads((_FOLDER / "headers").read_text())]
START: dict[str, Any] = {
    "type": "http.response.start",
    "status": int((_FOLDER / "status").read_text()),
    "headers": HEADERS,
}


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer whatever is asked."""
    if scope["type"] == "http":
        await send(START)
        await send({"type": "http.response.body", "body": BODY})
    elif scope["type"] == "lifespan":
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})


def main(port: int) -> None:
    """Serve on the server of ``app serve``."""
    from app.server.limits import Limits  # late: under uvicorn nothing of the program is loaded
    from app.server.listener import listen
    from app.server.server import Server

    Server(application, Limits(drain_delay_s=0)).run(sockets=[listen("127.0.0.1", port)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
