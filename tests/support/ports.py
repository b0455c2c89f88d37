"""Ports that nobody listens on."""

import contextlib
import socket


def free_port() -> int:
    """Return a port of loopback that was free just now."""
    [port] = free_ports(1)
    return port


def free_ports(number: int) -> list[int]:
    """Return several, each another."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [server.getsockname()[1] for server in sockets]
