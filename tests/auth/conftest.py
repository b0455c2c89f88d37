"""Fixtures: settings of a fresh home, an open ``Auth``, and a verifier whose trust is made by hand."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.auth.clients import Client, create_client
from app.auth.keys import Algorithm, SigningKey, generate
from app.auth.service import Auth
from app.auth.trust import Trust, own_issuer
from app.auth.verifier import Verifier
from app.settings import Settings
from tests.auth.forge import AUDIENCE, ISSUER, NOW, Forger, forger


def at(seconds: float) -> datetime:
    """Return a time by its seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC)


#: Runs a test with the accounts in a SQLite file and in PostgreSQL.
on_every_database = pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)


def make_settings(home: Path, database_url: str | None = None) -> Settings:
    """Return settings that keep everything in one folder, unless accounts are elsewhere."""
    url = SecretStr(database_url) if database_url else None
    return Settings(home=home, issuer=ISSUER, audience=AUDIENCE, token_ttl=3600, database_url=url)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str | None:
    """The URL of the accounts database; None is the file in the home."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return None
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def settings(tmp_path: Path, database: str | None) -> Settings:
    """Settings of a home of their own."""
    return make_settings(tmp_path, database)


@pytest.fixture
def auth(settings: Settings) -> Iterator[Auth]:
    """An open service, closed at the end."""
    opened = Auth.open(settings)
    yield opened
    opened.close()


@pytest.fixture
def client(auth: Auth) -> Client:
    """A client with both scopes."""
    return create_client(auth.engine, "demo", ["marts:read", "runs:read"]).client


@pytest.fixture
def elsewhere(auth: Auth) -> Iterator[Auth]:
    """Another worker on the same database."""
    opened = Auth.open(auth.settings)
    yield opened
    opened.close()


@dataclass
class Gate:
    """A verifier, what it trusts (replaceable), and a forger who holds its key."""

    settings: Settings
    key: SigningKey
    trust: Trust
    forger: Forger

    def __post_init__(self) -> None:
        self.verifier = Verifier(lambda: self.trust)

    def accepts(self, token: str, now: float = NOW) -> bool:
        """Whether the token passes; raises what the verifier raises."""
        return self.verifier.verify(token, now).jti == "one-of-a-kind"


def make_gate(settings: Settings, algorithm: Algorithm) -> Gate:
    """Return a gate that trusts one new key."""
    key = generate(algorithm, at(NOW - 1000), at(NOW - 1000))
    own = own_issuer(settings, (key,), at(NOW))
    return Gate(settings, key, Trust({own.issuer: own}, (key,)), forger(key))


@pytest.fixture(scope="module", params=["ES256", "RS256"])
def both(request: pytest.FixtureRequest) -> Gate:
    """A gate per algorithm; do not change what it trusts."""
    return make_gate(make_settings(Path("unused")), request.param)


@pytest.fixture(scope="module")
def gate() -> Gate:
    """A gate with an ES256 key; do not change what it trusts."""
    return make_gate(make_settings(Path("unused")), "ES256")
