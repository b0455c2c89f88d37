"""What the connections of one worker have in common."""

from uvicorn.server import ServerState

from app.server.limits import Limits
from app.server.transport import Departures


class Traffic(ServerState):
    """Uvicorn's shared state with our limits, and since when the worker is draining, if it is."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits
        self.departures = Departures()
        self.draining_since: float | None = None

    def drain(self, now: float) -> None:
        """From now on answers say ``Connection: close``."""
        self.draining_since = now
        for connection in list(self.connections):
            connection.shutdown()
