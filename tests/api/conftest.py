"""The application over a small warehouse whose every number is known."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from app.database import open_engine
from app.main import close, create_app
from app.routers.front import Front
from app.serving import store
from app.settings import Settings
from tests.support.http import Api, authorized
from tests.support.movies import LATER, MOVIES
from tests.support.world import World

FIRST, SECOND, HELD = "20250101T000000Z-first", "20250201T000000Z-second", "20250301T000000Z-held"


def application(home: Path) -> FastAPI:
    """Return the application on the embedded default in a folder, without limits and without log."""
    return create_app(Settings(home=home, rate_limit="off", access_log="off", _env_file=None))


@pytest.fixture(scope="session", autouse=True)
def _seen_at_once() -> Iterator[None]:
    """Let the store look for a publish at every question: these tests publish and ask in one process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "FRESH_FOR_S", 0.0)
        yield


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, World]]:
    """One application for all tests that only read: the second run is published, the first superseded."""
    home = tmp_path_factory.mktemp("api")
    app = application(home)
    world = World(open_engine(Settings(home=home, _env_file=None).warehouse))
    world.add(FIRST, MOVIES)
    world.add(SECOND, LATER)
    world.add(HELD, MOVIES[:2], reason="releases fell below half")
    for run in (SECOND, FIRST):
        world.publish(run)
    api = authorized(app)
    yield api, world
    api.runner.close()
    close(app)


@pytest.fixture
def api(shared: tuple[Api, World]) -> Api:
    """The API with a token for every scope; FIRST is published, SECOND superseded, HELD never published."""
    return shared[0]


@pytest.fixture
def world(shared: tuple[Api, World]) -> World:
    """What the shared warehouse holds."""
    return shared[1]


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[tuple[Api, World]]:
    """An application of its own for a test that writes; nothing is published."""
    app = application(tmp_path)
    api = authorized(app)
    yield api, World(open_engine(Settings(home=tmp_path, _env_file=None).warehouse))
    api.runner.close()
    close(app)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Every question to the store from now on: whether it was a bulk one."""
    asked: list[bool] = []
    read = store.MartStore.read

    async def counted(self: store.MartStore, question: object, *, bulk: bool = False) -> object:
        asked.append(bulk)
        return await read(self, question, bulk=bulk)  # type: ignore[arg-type] # passed on as it came

    monkeypatch.setattr(store.MartStore, "read", counted)
    return asked


@pytest.fixture
def made_at_once(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Per request the server asked for at once: whether there was an answer."""
    found: list[bool] = []
    at_once = Front.at_once

    def noted(*given: Any) -> Any:
        answer = at_once(*given)
        found.append(answer is not None)
        return answer

    monkeypatch.setattr(Front, "at_once", noted)
    return found
