"""The socket that listens."""

import ctypes
import resource
import socket
import struct
from contextlib import suppress

from app.errors import ConfigurationError

BACKLOG = 2048
#: Descriptors that a worker needs besides those of its connections.
_OTHER_DESCRIPTORS = 200
#: Linux, asm-generic/socket.h; Python has no name for it.
_SO_ATTACH_FILTER = 26
#: Classic BPF over a TCP segment: one with SYN and without ACK (byte 13) is dropped, every other kept.
_NO_NEW_ONES = (
    (0x30, 0, 0, 13),  # load the byte of flags
    (0x54, 0, 0, 0x12),  # and SYN | ACK
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFF),  # keep
)


def listen(host: str, port: int) -> socket.socket:
    """Bind and listen; done before anything is loaded, so that a port in use is told at once.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {reason}", "choose another --host or --port"
        ) from error
    return listener


def let_nobody_in(listener: socket.socket) -> None:
    """Have the kernel begin no new connection, in whatever process the socket is; it completes those begun.

    A listener that is closed resets what is in its queue or about to get there. Once nobody comes any more,
    the queue can be emptied first. Who tries meanwhile is refused when it is closed. Elsewhere than on Linux
    a connection of the very last moment may be reset.
    """
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in _NO_NEW_ONES))
    described = struct.pack("@HP", len(_NO_NEW_ONES), ctypes.addressof(program))
    with suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)


def allow_descriptors(connections: int) -> None:
    """Raise this process' limit of open files to what so many connections need, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * connections + _OTHER_DESCRIPTORS  # those refused are open for a moment, too
    if hard != resource.RLIM_INFINITY:
        needed = min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
