"""Secrets and tokens, sent to every endpoint in every place, are in no log and no error."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.database import open_engine, ready
from app.settings import Settings
from tests.api.conftest import FIRST
from tests.support.movies import MOVIES
from tests.support.secret import lines_with, unguessable
from tests.support.server import Server, credentials, serving, token
from tests.support.world import World

OAUTH = ("token", "revoke", "introspect")
FIELDS = ("grant_type", "scope", "client_id", "client_secret", "token", "token_type_hint", "x")


@dataclass(frozen=True)
class Asked:
    """A server with its log, and what must not be seen of a secret and of a token that are good."""

    home: Path
    server: Server
    client: tuple[str, str]
    token: str

    @property
    def parts(self) -> list[str]:
        """What gives them away."""
        return unguessable(self.client[1], self.token)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    home = tmp_path_factory.mktemp("leaks")
    world = World(ready(open_engine(Settings(home=home, _env_file=None).warehouse), "warehouse"))
    world.add(FIRST, MOVIES)
    world.publish(FIRST)
    client = credentials(home)
    with serving(home) as server:
        yield Asked(home, server, client, token(server.url, client))


def escaped(text: str) -> str:
    """Return a text whose every character is escaped."""
    return "".join(f"%{byte:02x}" for byte in text.encode())


def requests_with(value: str, path: str, parameters: list[str]) -> Iterator[dict[str, Any]]:
    """Yield requests that carry a value where it does not belong."""
    for written in (value, escaped(value), f"%{ord(value[0]):02X}{value[1:]}"):
        yield {"url": f"{path}/{written}"}
        yield {"url": path.replace("{run_id}", written)}
        for name in (*parameters, "access_token", "x", "client_secret"):
            yield {"url": f"{path}?{name}={written}"}
        yield {"url": f"{path}?{written}"}
        yield {"url": f"{path}?{written}=1"}
    for name in (
        "X-Request-Id",
        "Accept",
        "Accept-Encoding",
        "If-None-Match",
        "User-Agent",
        "X-Forwarded-For",
    ):
        yield {"url": path, "headers": [(name, value)]}
    yield {"url": path, "headers": [("Authorization", f"Bearer {value}x")]}
    yield {"url": path, "headers": [("Authorization", value)]}
    yield {"url": path, "headers": [("Authorization", f"Bearer {value}")] * 2}
    yield {
        "url": path,
        "headers": [("Authorization", "Basic " + b64encode(f"{value}:{value}".encode()).decode())],
    }


def forms_with(value: str, client: tuple[str, str]) -> Iterator[dict[str, Any]]:
    """Yield forms that carry a value where it does not belong."""
    good = {"grant_type": "client_credentials", "token": "x"}
    for name in FIELDS:
        yield {"data": {**good, name: value}, "auth": client}
        yield {"data": {**good, "client_id": "x", "client_secret": "x", name: value}}
        yield {"data": {**good, "client_id": value, "client_secret": value}}
        yield {"content": f"{name}={value}&{name}={value}", "headers": {"Content-Type": "text/plain"}}
        yield {"content": f"{name}={quote(value)}&" * 30, "auth": client}


def assert_silent(asked: Asked, answer: httpx.Response) -> None:
    """Assert that an error repeats nothing; what is granted, a client asked for."""
    if answer.status_code >= 400:
        said = f"{answer.text}\n{answer.headers}"
        assert lines_with(said, asked.parts) == [], answer.request.url


def test_no_endpoint_gives_anything_away(asked: Asked) -> None:
    document = httpx.get(f"{asked.server.url}/openapi.json").json()
    statuses = set()
    with httpx.Client(base_url=asked.server.url) as session:
        for path, operations in document["paths"].items():
            (operation,) = operations.values()
            parameters = [item["name"] for item in operation.get("parameters", ()) if item["in"] == "query"]
            for value in (asked.client[1], asked.token):
                for request in requests_with(value, path, parameters):
                    bearer = [("Authorization", f"Bearer {asked.token}")]
                    answer = session.request(next(iter(operations)), **{"headers": bearer, **request})
                    assert_silent(asked, answer)
                    statuses.add(answer.status_code)
        for path in OAUTH:
            for value in (asked.client[1], asked.token):
                for request in forms_with(value, asked.client):
                    answer = session.post(f"/oauth/{path}", **request)
                    assert_silent(asked, answer)
                    statuses.add(answer.status_code)
    assert statuses >= {200, 400, 401, 404}, "not everything was refused in one way"
    asked.server.terminate()
    for name in ("serve.log", "audit.jsonl"):
        log = (asked.home / name).read_text()
        assert asked.client[0] in log
        assert lines_with(log, asked.parts) == []
