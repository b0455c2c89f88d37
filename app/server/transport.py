"""A connection's transport that sends answers whole and closes gently, and what the kernel knows about it."""

import asyncio
import fcntl
import struct
import termios
import time
from typing import Any

_INT = struct.Struct("i")
#: More than this is not held back.
_HELD_BYTES = 65_536
#: So long, in seconds, a connection waits for others.
_TOGETHER_S = 0.0005


class Departures:
    """What is held back, by every connection of a worker, leaves at the event loop's next turn, one by one.

    The kernel wakes up whoever waits for an answer, which may take longer than the answer did. So answers of
    one turn leave together, and a client that waits for several of them is awake from the first to the last.
    None waits long for others that take longer.
    """

    def __init__(self) -> None:
        self._waiting: list[Gentle] = []
        self._since = 0.0

    def add(self, transport: "Gentle") -> None:
        """Let a transport send soon what it holds back."""
        self._waiting.append(transport)
        now = time.monotonic()
        if len(self._waiting) == 1:
            self._since = now
            asyncio.get_running_loop().call_soon(self._leave)
        elif now - self._since > _TOGETHER_S:
            self._leave()

    def _leave(self) -> None:
        waiting, self._waiting = self._waiting, []
        for transport in waiting:
            transport.flush()


class Gentle:
    """Stands for a transport.

    What is written is held back until ``flush``, at most to the event loop's next turn: a head and its body
    leave in one system call, which is the dearest part of a small answer.

    ``close`` ends only our direction; the rest follows the client, or a deadline. To close on bytes that were
    not read is a reset, and a reset may overtake the answer (RFC 9112, 9.6).
    """

    def __init__(self, transport: asyncio.Transport, departures: Departures) -> None:
        self._transport = transport
        self._departures = departures
        self._held: list[bytes] = []
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.get_extra_info = transport.get_extra_info
        self.abort = transport.abort
        self.closing = False

    def write(self, data: bytes) -> None:
        """Send bytes, soon; none after ``close``."""
        if self.closing:
            return
        self._held.append(data)
        if len(data) > _HELD_BYTES:
            self.flush()
        elif len(self._held) == 1:
            self._departures.add(self)

    def flush(self) -> None:
        """Send what is held back, unless the connection is lost."""
        held, self._held = self._held, []
        if held and not self._transport.is_closing():
            self._transport.writelines(held)

    def is_closing(self) -> bool:
        """Say whether nothing more will be sent."""
        return self.closing or self._transport.is_closing()

    def close(self) -> None:
        """Send what is left and no more; go on reading."""
        if not self.is_closing():
            self.flush()
            self.closing = True
            self._transport.write_eof()
            self._transport.resume_reading()

    def close_at_once(self) -> None:
        """Close both directions once everything is sent."""
        self.flush()
        self.closing = True
        self._transport.close()

    @property
    def unsent(self) -> int:
        """Bytes of ours that the client's machine has not taken yet."""
        waiting = self._transport.get_write_buffer_size()
        return waiting + self._ask(termios.TIOCOUTQ) if waiting else 0

    @property
    def unread(self) -> int:
        """Bytes of the client that have arrived and were not read yet."""
        return self._ask(termios.FIONREAD)

    def _ask(self, what: int) -> int:
        try:
            connection: Any = self._transport.get_extra_info("socket")
            answer = fcntl.ioctl(connection.fileno(), what, bytes(_INT.size))
        except (OSError, ValueError):  # lost meanwhile
            return 0
        number: int = _INT.unpack(answer)[0]
        return number
