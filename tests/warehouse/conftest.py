"""A warehouse of its own for each test, of every kind that there is."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.settings import Settings
from app.warehouse.base import Warehouse
from tests.support.movies import LATER, MOVIES
from tests.support.warehouses import IMPLEMENTATIONS
from tests.support.world import World


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder for the state of one program."""
    return tmp_path / "home"


@pytest.fixture(params=IMPLEMENTATIONS)
def implementation(request: pytest.FixtureRequest) -> str:
    """The name of a warehouse; a module about one of them says so by its own fixture."""
    return str(request.param)


@pytest.fixture
def opened(request: pytest.FixtureRequest, implementation: str, home: Path) -> Warehouse:
    """An empty warehouse at head."""
    return IMPLEMENTATIONS[implementation](request, home)


@pytest.fixture
def engine(opened: Warehouse) -> Engine:
    """The engine of the warehouse."""
    return opened.engine


@pytest.fixture
def url(engine: Engine) -> str:
    """The warehouse as ``APP_WAREHOUSE_URL`` names it."""
    return engine.url.render_as_string(hide_password=False)


@pytest.fixture
def settings(home: Path, url: str) -> Settings:
    """The settings of a program on the warehouse."""
    return Settings(home=home, warehouse_url=url, _env_file=None)


@pytest.fixture
def empty(opened: Warehouse) -> World:
    """No run yet."""
    return World(opened.engine, other=opened)


@pytest.fixture
def world(empty: World) -> World:
    """Runs ``a`` to ``d``, in this order, loaded and not published."""
    for number, name in enumerate("abcd"):
        empty.add(name, (MOVIES, LATER)[number % 2])
    return empty
