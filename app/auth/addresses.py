"""Who asks, by address: the client behind trusted proxies, and what of an address is limited as one."""

from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
#: What one household or one machine in a data centre has of IPv6 (RFC 6177): it may use any address of these.
PREFIX_V6 = 64
#: Pairs of a peer and what it says of whom it speaks for that are remembered.
REMEMBERED = 4_096
#: Given the address of the peer and every ``X-Forwarded-For`` in its order, the client's address.
Origin = Callable[[str, tuple[bytes, ...]], str]


def networks(items: Iterable[str]) -> tuple[Network, ...]:
    """Return addresses and networks as networks; those that mean IPv4 in IPv6 terms are IPv4.

    Raises:
        ValueError: one of them is neither.
    """
    return tuple(ip_network(item) for item in items)


def origin(trusted: Collection[Network]) -> Origin:
    """Return a function that finds the client: the right-most address that no trusted proxy has.

    Each proxy appends whom it was called by, so from the right every entry is as good as the proxy that wrote
    it. What a peer that is not trusted says is not looked at; an entry that is no address ends the search at
    the proxy that wrote it.
    """

    @lru_cache(REMEMBERED)
    def client(peer: str, forwarded: tuple[bytes, ...]) -> str:
        known = _address(peer)
        hops = iter(b",".join(forwarded).decode("latin-1").split(",")[::-1])
        while known is not None and any(known in network for network in trusted):
            found = _address(_without_port(next(hops, "")))
            if found is None:
                break
            known = found
        return peer if known is None else str(known)

    return client


def limited(address: str) -> str:
    """Return what is limited as one: an IPv4 address, or the network of 64 bits of an IPv6 address."""
    known = _address(address)
    if isinstance(known, IPv6Address):
        return str(IPv6Network((int(known), PREFIX_V6), strict=False))
    return address if known is None else str(known)


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _without_port(text: str) -> str:
    """Return an entry without the port that some proxies write: ``192.0.2.1:443``, ``[2001:db8::1]:443``."""
    entry = text.strip()
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry
