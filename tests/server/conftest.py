"""The real application behind our protocol, in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from app.main import create_app
from app.routers.refusals import Refusals
from app.server.limits import Limits
from app.settings import Settings
from tests.support.wire import running


@pytest.fixture
def application(tmp_path: Path) -> FastAPI:
    app = create_app(Settings(home=tmp_path, access_log="off", _env_file=None))
    app.add_middleware(Refusals)
    return app


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server with the limits it has by default."""
    home = tmp_path_factory.mktemp("server")
    app = create_app(Settings(home=home, access_log="off", _env_file=None))
    app.add_middleware(Refusals)
    with running(app, Limits(drain_delay_s=0)) as (_, port):
        yield port
