"""Goes round all connections and ends those whose time is over."""

from app.server.protocol import Protocol
from app.server.traffic import Traffic


def sweep(traffic: Traffic, now: float) -> None:
    """Look at every connection of a worker once."""
    for connection in list(traffic.connections):
        if isinstance(connection, Protocol):
            _look_at(connection, now)


def _look_at(connection: Protocol, now: float) -> None:
    limits = connection.limits
    if _takes_nothing(connection, now):
        connection.transport.abort()
    elif connection.transport.closing:
        if now - connection.since > limits.linger_s and not connection.transport.unsent:
            connection.transport.close_at_once()
    elif connection.deaf:  # its last answer is under way, or was
        if connection.cycle.response_complete and now - connection.since > limits.linger_s:
            connection.transport.close_at_once()
    elif connection.receiving:
        _look_at_request(connection, now)
    elif connection.cycle.response_complete and _is_over(connection, now):
        connection.transport.close_at_once()


def _takes_nothing(connection: Protocol, now: float) -> bool:
    """Say whether a client has taken nothing of its answer for too long."""
    unsent, since = connection.stalled
    left = connection.transport.unsent
    if not left or left != unsent:
        connection.stalled = (left, now)
        return False
    return now - since > connection.limits.write_s


def _look_at_request(connection: Protocol, now: float) -> None:
    if connection.flow.read_paused:  # it waits for us
        connection.since = now
    head = connection.in_head or connection.scope is None
    if now - connection.since > (connection.limits.head_s if head else connection.limits.request_s):
        connection.time_out()


def _is_over(connection: Protocol, now: float) -> bool:
    """Say whether an idle connection was silent for too long, and is at this moment."""
    since, patience = connection.since, connection.limits.keep_alive_s
    if connection.traffic.draining_since is not None:
        since = max(since, connection.traffic.draining_since)
        patience = min(patience, connection.limits.last_call_s)
    return now - since > patience and not connection.transport.unread
