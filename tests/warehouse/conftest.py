"""A warehouse of its own for each test."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.database import open_engine, ready
from app.settings import Settings
from tests.support.movies import LATER, MOVIES
from tests.support.world import World


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder for the state of one program."""
    return tmp_path / "home"


@pytest.fixture
def engine(home: Path) -> Engine:
    """An empty warehouse at head."""
    return ready(open_engine(Settings(home=home, _env_file=None).warehouse), "warehouse")


@pytest.fixture
def world(engine: Engine) -> World:
    """Runs ``a`` to ``d``, in this order, loaded and not published."""
    made = World(engine)
    for number, name in enumerate("abcd"):
        made.add(name, (MOVIES, LATER)[number % 2])
    return made
