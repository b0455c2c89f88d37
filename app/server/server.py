"""One worker: uvicorn's server with our limits and a drain that loses no request.

Told to stop, it says so on ``/readyz`` while it goes on serving; then accepts what the kernel has already
connected and nothing more; answers every request that arrives on what is open, with ``Connection: close``;
and ends when no connection is left, or the grace period is over.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import Any

import uvicorn

from app.server.acceptor import Acceptor
from app.server.connection import Connection
from app.server.deadlines import sweep
from app.server.limits import Limits
from app.server.listener import let_nobody_in
from app.server.traffic import Traffic

#: Name in the state of every request, true from the moment that the worker is told to stop.
DRAINING = "draining"
#: From the last connection that is let in until the queue of the listener is surely empty.
SETTLE_S = 0.2
TICK_S = 0.1
#: While draining the end is looked for more often.
_LOOK_S = 0.02
log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Serves on one listener. ``alone``: no other process has it, so its queue ends with this one."""

    def __init__(self, application: Any, limits: Limits, alone: bool = True) -> None:
        super().__init__(config(application))
        self.traffic = self.server_state = Traffic(limits)
        self._limits = limits
        self._alone = alone
        self._acceptors: list[Acceptor] = []

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; told twice, end now."""
        self.force_exit = self.should_exit
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Look after deadlines, and do what uvicorn does."""
        if counter % self._limits.sweep_ticks == 0:
            sweep(self.traffic, asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application and accept connections."""
        await super().startup([])
        new = partial(Connection, self.config, self.traffic, self.lifespan.state, asyncio.get_running_loop())
        self._acceptors = [Acceptor(listener, new, self._alone) for listener in sockets or ()]

    async def shutdown(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Drain, and let the application close."""
        listeners = list(sockets or ())
        self.lifespan.state[DRAINING] = True
        if signal.SIGINT not in self._captured_signals:  # who presses Ctrl-C has no balancer in front
            log.info("draining: /readyz fails from now on")
            await self._serve_until(lambda: False, self._limits.drain_delay_s)
        await self._stop_accepting(listeners)
        self.traffic.drain(asyncio.get_running_loop().time())
        await self._serve_until(lambda: not self.traffic.connections, self._limits.grace_s)
        self._cut_off()
        await self._serve_until(lambda: not self.traffic.tasks, TICK_S)
        await self.lifespan.shutdown()

    async def _stop_accepting(self, listeners: Sequence[socket.socket]) -> None:
        if self._alone:
            for listener in listeners:
                let_nobody_in(listener)
        await self._serve_until(lambda: False, SETTLE_S)
        for acceptor in self._acceptors:
            acceptor.close()

    async def _serve_until(self, done: Callable[[], bool], seconds: float) -> None:
        """Go on as usual, for a while at most."""
        loop = asyncio.get_running_loop()
        end, tick = loop.time() + seconds, 0
        while not done() and loop.time() < end and not self.force_exit:
            await self.on_tick(tick)
            tick += 1
            await asyncio.sleep(_LOOK_S)

    def _cut_off(self) -> None:
        """End what did not end by itself."""
        if self.traffic.connections:
            log.warning("%d connections are cut off", len(self.traffic.connections))
        for task in self.traffic.tasks:
            task.cancel()
        for connection in list(self.traffic.connections):
            connection.transport.abort()


def config(application: Any) -> uvicorn.Config:
    """Return uvicorn's configuration for an application."""
    return uvicorn.Config(
        application,
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
