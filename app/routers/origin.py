"""The address that a request comes from, for the log and for limits."""

from collections.abc import Callable, Collection
from typing import Any

from starlette.types import Scope

from app.auth.addresses import Network, origin

FORWARDED_FOR = b"x-forwarded-for"
#: Returns the address of a request's client; None where its connection has none.
ClientAddress = Callable[[Scope], str | None]


def client_address(trusted: Collection[Network]) -> ClientAddress:
    """Return what finds the client of a request: its peer, or whom trusted proxies say they speak for."""
    if not trusted:
        return peer
    find = origin(trusted)

    def behind_proxies(scope: Scope) -> str | None:
        direct = peer(scope)
        if direct is None:
            return None
        return find(direct, tuple(value for name, value in scope["headers"] if name == FORWARDED_FOR))

    return behind_proxies


def peer(scope: Scope) -> str | None:
    """Return the address that a request's connection comes from."""
    client: Any = scope.get("client")
    return client[0] if client else None
