"""A real server over a small warehouse, and the client that talks to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.client import Client
from app.database import open_engine, ready
from app.settings import Settings
from tests.support.movies import LATER, MOVIES
from tests.support.server import Server, credentials, serving
from tests.support.world import World

FIRST, SECOND = "20250101T000000Z-first", "20250201T000000Z-second"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home where FIRST is published and SECOND superseded."""
    folder = tmp_path_factory.mktemp("client")
    world = world_of(folder)
    world.add(FIRST, MOVIES)
    world.add(SECOND, LATER)
    for run in (SECOND, FIRST):
        world.publish(run)
    return folder


def world_of(home: Path) -> World:
    """Return the warehouse of a home."""
    return World(ready(open_engine(Settings(home=home, _env_file=None).warehouse), "warehouse"))


@pytest.fixture(scope="session")
def server(home: Path) -> Iterator[Server]:
    """The server that all tests which only read share."""
    with serving(home) as running:
        yield running


@pytest.fixture(scope="session")
def client_of_all(home: Path) -> tuple[str, str]:
    """Id and secret of a client with every scope."""
    return credentials(home)


@pytest.fixture(scope="session")
def marts(server: Server, client_of_all: tuple[str, str]) -> Iterator[Client]:
    """The client, with every scope."""
    client_id, secret = client_of_all
    with Client(server.url, client_id=client_id, client_secret=secret) as client:
        yield client
