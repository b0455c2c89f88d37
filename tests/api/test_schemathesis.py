"""Schemathesis asks a real server whatever the OpenAPI document allows, and what it forbids.

``SCHEMATHESIS_EXAMPLES`` sets the questions per endpoint and kind, ``SCHEMATHESIS_LEAST`` how many there must
be in the end: a few in the suite, ten thousand and more by ``make soak``.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.database import open_engine, ready
from app.settings import Settings
from tests.api.conftest import FIRST, SECOND
from tests.api.test_openapi import PATHS
from tests.support.movies import LATER, MOVIES
from tests.support.server import credentials, serving, token
from tests.support.world import World

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "10"))
LEAST = int(os.environ.get("SCHEMATHESIS_LEAST", "0"))
OAUTH = ("/oauth/token", "/oauth/revoke", "/oauth/introspect")
OPEN = ("/healthz", "/readyz", "/metrics", "/.well-known/jwks.json")
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
#: What has no parameter cannot be asked wrongly.
QUESTIONS = [
    *((path, "GET", mode) for path in PATHS for mode in (POSITIVE, NEGATIVE)),
    *((path, "POST", mode) for path in OAUTH for mode in (POSITIVE, NEGATIVE)),
    *((path, "GET", POSITIVE) for path in OPEN),
]
CHECKS = [
    checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


class Asked:
    """A running server, its document, and sessions that are allowed to ask."""

    def __init__(self, url: str, client: tuple[str, str]) -> None:
        self.url = url
        self.schema = schemathesis.openapi.from_dict(requests.get(f"{url}/openapi.json", timeout=30).json())
        self.reader, self.client = requests.Session(), requests.Session()
        self.reader.headers["Authorization"] = f"Bearer {token(url, client)}"
        self.client.auth = client
        self.times = 0

    def close(self) -> None:
        self.reader.close()
        self.client.close()


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    home = tmp_path_factory.mktemp("schemathesis")
    world = World(ready(open_engine(Settings(home=home, _env_file=None).warehouse), "warehouse"))
    world.add(FIRST, MOVIES)
    world.add(SECOND, LATER)
    for run in (SECOND, FIRST):
        world.publish(run)
    client = credentials(home)
    with serving(home) as server:
        sessions = Asked(server.url, client)
        yield sessions
        sessions.close()
    assert sessions.times >= LEAST, f"only {sessions.times} questions"


def name_a_run(case: schemathesis.Case[Any]) -> None:
    """Let a question get past runs and cursors that are made up, to what it asks."""
    query = case.query or {}
    case.query = {name: value for name, value in query.items() if name not in {"run", "cursor"}}
    if "run_id" in case.path_parameters:
        case.path_parameters["run_id"] = SECOND
    if "since" in query:
        case.query["since"] = FIRST


@pytest.mark.parametrize(("path", "method", "mode"), QUESTIONS)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)
@given(data=st.data())
def test_answers_are_as_documented(
    asked: Asked, path: str, method: str, mode: GenerationMode, data: st.DataObject
) -> None:
    case = data.draw(asked.schema[path][method].as_strategy(mode))
    if mode is POSITIVE and data.draw(st.booleans(), label="of a run that there is"):
        name_a_run(case)
    session = asked.client if path in OAUTH else asked.reader
    asked.times += 1
    case.validate_response(case.call(asked.url, session), checks=CHECKS)
