"""Runs the application in this process, or in several."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable

from fastapi import FastAPI

from app.errors import StoreFailure
from app.routers.refusals import Refusals
from app.server.limits import Limits
from app.server.listener import allow_descriptors
from app.server.memory import give_back
from app.server.server import Server
from app.server.workers import Parent, Workers

#: Threads read the marts beside the event loop. At Python's 5 ms a request waits that long for each of them
#: to give the interpreter back; so it is asked back ten times as often, which costs those threads little.
SWITCH_S = 0.0005


def serve_alone(application: FastAPI, listener: socket.socket, limits: Limits) -> None:
    """Serve in this process until told to stop.

    Raises:
        StoreFailure: the application did not start.
        KeyboardInterrupt: it was Ctrl-C.
    """
    _serve(Server(_prepared(application), limits), listener)


def serve_with_workers(
    create: Callable[[], FastAPI],
    listener: socket.socket,
    limits: Limits,
    workers: int,
    announce: Callable[[], None],
) -> None:
    """Serve in so many processes, each with an application of its own, until told to stop.

    Raises:
        StoreFailure: a worker did not start.
        KeyboardInterrupt: it was Ctrl-C.
    """

    def work(parent: Parent) -> None:
        server = _Worker(_prepared(create()), limits, parent.line)
        parent.ready()
        _serve(server, listener)

    Workers(workers, listener, limits, work).run(announce)


class _Worker(Server):
    """One of several: it drains when its parent is gone as well."""

    def __init__(self, application: FastAPI, limits: Limits, line: socket.socket) -> None:
        super().__init__(application, limits, alone=False)
        self._line = line

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and watch the parent."""
        await super().startup(sockets)
        asyncio.get_running_loop().add_reader(self._line.fileno(), self._orphaned)

    def _orphaned(self) -> None:
        asyncio.get_running_loop().remove_reader(self._line.fileno())
        self.should_exit = True


def _prepared(application: FastAPI) -> FastAPI:
    application.add_middleware(Refusals)
    return application


def _serve(server: Server, listener: socket.socket) -> None:
    sys.setswitchinterval(SWITCH_S)
    give_back()
    allow_descriptors(server.traffic.limits.connections)
    # For a signal that comes before uvicorn listens to them. Having drained, uvicorn raises SIGTERM again,
    # for whoever handled it before: a clean end.
    signal.signal(signal.SIGTERM, server.handle_exit)
    server.run(sockets=[listener])
    if not server.started:
        raise StoreFailure("the server could not start", "see the log")
