"""The access log: one JSON line per request, in the order of their ends, written where nobody has to wait.

The event loop makes the line, a thread writes it. The thread does not format: it would hold the interpreter
for milliseconds, as it takes it back after each write before the event loop wakes up.
"""

import time

from app.ops.lines import Lines
from app.ops.log_line import LONGEST, caller, question, quoted, second

_LONGEST = LONGEST + 1  # one more than is shown says that something was cut


class AccessLog(Lines):
    """Lines of requests."""

    def write(
        self,
        request_id: str,
        client: str | None,
        client_id: str | None,
        jti: str | None,
        method: str,
        path: str,
        query: bytes,
        route: str,
        status: int,
        size: int,
        rows: int | None,
        seconds: float,
        run_id: str | None,
    ) -> None:
        """Log a request that ends now. ``client``: its address; ``size``: bytes of the body."""
        at = time.time()
        whole = int(at)
        asked = question(method[:_LONGEST], path[:_LONGEST], query[:_LONGEST], route)
        self.put(
            f'{{"time":"{second(whole)}.{int((at - whole) * 1e6):06}Z","request_id":{quoted(request_id)},'
            f'{caller(client, client_id, jti, run_id)},{asked},"status":{status},"bytes":{size},'
            f'"rows":{"null" if rows is None else rows},"seconds":{seconds:.6f}}}\n'
        )
