"""OAuth2 clients: made, rotated, revoked; their secrets are known to nobody else."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import argon2
import pytest
from sqlalchemy import Engine

from app.auth import clients
from app.auth.clients import authenticate, create_client, list_clients, revoke_client, rotate_secret
from app.auth.errors import UnknownClient, UnknownScope
from app.auth.store import open_accounts
from app.database import transaction
from app.errors import ConfigurationError
from app.settings import Settings
from tests.auth.conftest import on_every_database

pytestmark = on_every_database


@pytest.fixture
def engine(settings: Settings) -> Engine:
    """An empty accounts database."""
    return open_accounts(settings)


def test_a_client_proves_itself_with_its_secret(engine: Engine) -> None:
    new = create_client(engine, " demo ", ["runs:read", "marts:read", "runs:read"])
    assert new.client.name == "demo"
    assert new.client.scopes == ("marts:read", "runs:read")
    assert authenticate(engine, new.client.client_id, new.secret) == new.client
    assert list_clients(engine) == [new.client]


def test_the_secret_is_kept_only_as_an_argon2id_hash(engine: Engine, tmp_path: Path) -> None:
    new = create_client(engine, "demo", ["marts:read"])
    assert new.secret not in repr(new)
    assert len(new.secret.split("_", 2)[2]) == 43, "256 bits in base64url"
    with engine.connect() as connection:
        (hashed,) = connection.exec_driver_sql("SELECT hash FROM client_secret").scalars()
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert argon2.PasswordHasher().verify(hashed, new.secret)
    assert all(new.secret[-43:].encode() not in file.read_bytes() for file in tmp_path.iterdir())


def test_every_secret_and_id_is_another(engine: Engine) -> None:
    made = [create_client(engine, "same name", ["marts:read"]) for _ in range(3)]
    assert len({new.secret[-43:] for new in made}) == len({new.client.client_id for new in made}) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda secret: secret[:-1] + ("A" if secret[-1] != "A" else "B"), id="last-letter"),
        pytest.param(lambda secret: secret.upper(), id="upper-case"),
        pytest.param(lambda secret: secret + "\n", id="line-break"),
        pytest.param(lambda secret: secret[:-1], id="short"),
        pytest.param(lambda secret: secret.split("_", 2)[2], id="random-part"),
        pytest.param(lambda secret: "", id="empty"),
        pytest.param(lambda secret: "\ud800", id="surrogate"),
        pytest.param(lambda secret: "x" * 100_000, id="long"),
    ],
)
def test_a_wrong_secret_proves_nothing(engine: Engine, wrong: Callable[[str], str]) -> None:
    new = create_client(engine, "demo", ["marts:read"])
    assert authenticate(engine, new.client.client_id, wrong(new.secret)) is None
    assert authenticate(engine, new.client.client_id, new.secret) is not None


@pytest.mark.parametrize("client_id", ["", "0" * 24, "\0", "\ud800", "' OR 1=1 --", "x" * 100_000])
def test_an_unknown_client_is_nobody(engine: Engine, client_id: str) -> None:
    new = create_client(engine, "demo", ["marts:read"])
    assert authenticate(engine, client_id, new.secret) is None


def test_one_clients_secret_is_not_anothers(engine: Engine) -> None:
    one, other = (create_client(engine, name, ["marts:read"]) for name in ("one", "other"))
    assert authenticate(engine, one.client.client_id, other.secret) is None


def test_every_attempt_costs_exactly_one_hash(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the clock shows an attacker is the number of argon2 computations and their parameters."""
    new = create_client(engine, "demo", ["marts:read"])
    rotated = rotate_secret(engine, new.client.client_id)
    revoked = create_client(engine, "revoked", ["marts:read"])
    revoke_client(engine, revoked.client.client_id)
    parameters: list[argon2.Parameters] = []
    verify = argon2.PasswordHasher.verify

    def counting(self: argon2.PasswordHasher, hashed: str, secret: str) -> bool:
        parameters.append(argon2.extract_parameters(hashed))
        return verify(self, hashed, secret)

    clients.decoy_hash()
    monkeypatch.setattr(argon2.PasswordHasher, "verify", counting)
    known = new.client.client_id
    attempts = [
        (known, new.secret, True),
        (known, rotated.secret, True),
        (known, rotated.secret[:-1] + "!", False),
        (known, rotated.secret[:-5] + "AAAAA", False),
        (known, "x", False),
        ("0" * 24, new.secret, False),
        ("nobody", "x", False),
        (revoked.client.client_id, revoked.secret, False),
    ]
    for client_id, secret, good in attempts:
        assert (authenticate(engine, client_id, secret) is not None) is good
    assert len(parameters) == len(attempts)
    assert len(set(map(repr, parameters))) == 1


def test_a_rotation_overlaps(engine: Engine) -> None:
    old = create_client(engine, "demo", ["marts:read"])
    client_id = old.client.client_id
    before = datetime.now(UTC)
    new = rotate_secret(engine, client_id, timedelta(hours=1))
    after = datetime.now(UTC)
    assert new.client == old.client
    assert authenticate(engine, client_id, old.secret, before + timedelta(minutes=59)) == old.client
    assert authenticate(engine, client_id, old.secret, after + timedelta(minutes=60)) is None
    assert authenticate(engine, client_id, new.secret, after + timedelta(days=9999)) == old.client


def test_the_default_overlap_is_a_day(engine: Engine) -> None:
    old = create_client(engine, "demo", ["marts:read"])
    rotate_secret(engine, old.client.client_id)
    now = datetime.now(UTC)
    assert authenticate(engine, old.client.client_id, old.secret, now + timedelta(hours=23.9)) is not None
    assert authenticate(engine, old.client.client_id, old.secret, now + timedelta(hours=24)) is None


def test_a_rotation_never_makes_an_old_secret_live_longer(engine: Engine) -> None:
    first = create_client(engine, "demo", ["marts:read"])
    client_id = first.client.client_id
    second = rotate_secret(engine, client_id, timedelta(0))
    rotate_secret(engine, client_id, timedelta(hours=1))
    assert authenticate(engine, client_id, first.secret) is None
    assert authenticate(engine, client_id, second.secret) is not None


def test_a_rotation_leaves_other_clients_alone(engine: Engine) -> None:
    one, other = (create_client(engine, name, ["marts:read"]) for name in ("one", "other"))
    rotate_secret(engine, one.client.client_id, timedelta(0))
    assert authenticate(engine, one.client.client_id, one.secret) is None
    assert authenticate(engine, other.client.client_id, other.secret) is not None


def test_a_revoked_client_is_nobody(engine: Engine) -> None:
    new, other = (create_client(engine, name, ["marts:read"]) for name in ("demo", "other"))
    revoked = revoke_client(engine, new.client.client_id)
    assert revoked.revoked_at is not None
    assert authenticate(engine, new.client.client_id, new.secret) is None
    assert authenticate(engine, other.client.client_id, other.secret) is not None
    assert revoke_client(engine, new.client.client_id) == revoked, "again changes nothing"
    with pytest.raises(UnknownClient, match="was revoked"):
        rotate_secret(engine, new.client.client_id)


@pytest.mark.parametrize("command", [rotate_secret, revoke_client])
def test_a_client_that_never_was_is_said(engine: Engine, command: Callable[[Engine, str], object]) -> None:
    with pytest.raises(UnknownClient, match="no client 'nobody'") as caught:
        command(engine, "nobody")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("scopes", [[], ["mart:read"], ["marts:read", "runs:write"], [""]])
def test_a_scope_must_exist(engine: Engine, scopes: list[str]) -> None:
    with pytest.raises(UnknownScope, match="marts:read, runs:read") as caught:
        create_client(engine, "demo", scopes)
    assert caught.value.exit_code == 2
    assert list_clients(engine) == []


def test_the_near_miss_is_named(engine: Engine) -> None:
    with pytest.raises(UnknownScope, match="did you mean 'marts:read'"):
        create_client(engine, "demo", ["mart:read"])


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "\x1b[31m", "\0"])
def test_a_name_is_for_people(engine: Engine, name: str) -> None:
    with pytest.raises(ConfigurationError, match="name"):
        create_client(engine, name, ["marts:read"])


def test_a_database_that_fails_is_no_refusal(engine: Engine) -> None:
    new = create_client(engine, "demo", ["marts:read"])
    with transaction(engine) as connection:
        connection.exec_driver_sql("UPDATE client_secret SET hash = 'garbage'")
    with pytest.raises(argon2.exceptions.InvalidHashError):
        authenticate(engine, new.client.client_id, new.secret)
