"""Accepts connections, in turns with the other workers of the same listener."""

import asyncio
import logging
import socket
from collections.abc import Callable

from app.server.listener import BACKLOG

#: What one worker takes before the others get a chance. An event loop's own way is to take all there are, and
#: the first to wake up would have most of the connections, for as long as they last.
_ALONE, _ONE_OF_SEVERAL = 64, 1
#: So long nothing is accepted when there is no descriptor left.
_PAUSE_S = 0.5
log = logging.getLogger(__name__)


class Acceptor:
    """Hands the connections of a listener to protocols, until closed."""

    def __init__(
        self, listener: socket.socket, protocol: Callable[[], asyncio.Protocol], alone: bool = True
    ) -> None:
        self._listener = listener
        self._protocol = protocol
        self._most = _ALONE if alone else _ONE_OF_SEVERAL
        self._loop = asyncio.get_running_loop()
        self._beginning: set[asyncio.Task[object]] = set()
        listener.setblocking(False)
        self._resume()

    def close(self) -> None:
        """Accept what is in the queue, and then nothing more."""
        self._loop.remove_reader(self._listener.fileno())
        for _ in range(BACKLOG):
            if not self._accept():
                break
        self._listener.close()

    def _resume(self) -> None:
        if self._listener.fileno() != -1:
            self._loop.add_reader(self._listener.fileno(), self._accept_some)

    def _accept_some(self) -> None:
        for _ in range(self._most):
            if not self._accept():
                break

    def _accept(self) -> bool:
        """Accept one connection; say whether there may be more."""
        try:
            connection, _ = self._listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (BlockingIOError, InterruptedError):
            return False
        except ConnectionError:  # gone again
            return True
        except OSError as error:
            log.warning("cannot accept: %s", error)
            self._loop.remove_reader(self._listener.fileno())
            self._loop.call_later(_PAUSE_S, self._resume)
            return False
        task = self._loop.create_task(self._begin(connection))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)
        return True

    async def _begin(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:  # gone again
            connection.close()
