"""What one worker bears. Sizes are bytes, times seconds."""

from dataclasses import dataclass
from typing import Self

from app.settings import Settings


@dataclass(frozen=True)
class Limits:
    """Those with a setting are for the administrator; the others suit this API, whose requests are small."""

    #: Open connections; who comes when there are more gets 503 at once.
    connections: int = 2000
    #: Requests in work; one more gets 503, and its connection stays.
    in_flight: int = 1000
    #: Silence between two requests after which a connection is closed.
    keep_alive_s: float = 75
    #: From SIGTERM, when ``/readyz`` begins to fail, until no new connection is accepted.
    drain_delay_s: float = 1

    request_line: int = 8 * 1024
    #: Request line and headers together.
    head: int = 16 * 1024
    headers: int = 100
    #: A token request takes some hundred bytes.
    body: int = 64 * 1024
    #: From a request's first byte until its head is whole, and until the request is.
    head_s: float = 10
    request_s: float = 30
    #: So long a client may take nothing of its answer. One that takes a little is never cut off.
    write_s: float = 60
    #: After the last answer a client is still listened to for so long (see ``app.server.transport``).
    linger_s: float = 2
    #: While draining, idle connections stay open for so long, for a request that is crossing the wire.
    last_call_s: float = 1
    #: From the end of accepting until requests in flight are cut off.
    grace_s: float = 30
    #: How often deadlines are looked after, in ticks of 0.1 s.
    sweep_ticks: int = 5

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the limits of a server with these settings."""
        return cls(
            connections=settings.max_connections,
            in_flight=settings.max_in_flight,
            keep_alive_s=settings.keep_alive,
            drain_delay_s=settings.drain_delay,
        )


#: What a client is told that comes when there is no room.
RETRY_AFTER = {"Retry-After": "1"}
#: More is never parsed in one go: a request after another that is in work waits as bytes.
PIECE = 4 * 1024
