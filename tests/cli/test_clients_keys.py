"""``app clients`` and ``app keys``, as people and scripts type them."""

import json
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.auth.clients import authenticate
from app.auth.service import Auth
from app.auth.store import open_accounts
from app.cli.main import main
from app.settings import Settings
from tests.support.program import command


@dataclass(frozen=True)
class Result:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        assert self.status == 0, self.err
        return json.loads(self.out)


App = Callable[..., Result]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> App:
    """The command line on a home of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APP_HOME", str(tmp_path))
    monkeypatch.delenv("APP_DATABASE_URL", raising=False)

    def run(*arguments: str) -> Result:
        with pytest.raises(SystemExit) as stop:
            main(list(arguments))
        captured = capfd.readouterr()
        return Result(int(stop.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of the same home."""
    return Settings(home=tmp_path)


def works(settings: Settings, client: dict[str, Any]) -> bool:
    """Whether a client can prove itself."""
    found = authenticate(open_accounts(settings), client["client_id"], client["client_secret"])
    return found is not None and list(found.scopes) == client["scopes"]


def one_line(result: Result, status: int) -> str:
    """Assert that a command failed with one line on stderr and nothing on stdout; return the line."""
    assert (result.status, result.out) == (status, "")
    assert result.err.startswith("app: ")
    assert result.err.count("\n") == 1
    return result.err


def test_create_gives_credentials_that_work(app: App, settings: Settings, tmp_path: Path) -> None:
    scopes = ("--scope", "runs:read", "--scope", "marts:read")
    client = app("clients", "create", "demo", *scopes, "--json").document
    assert set(client) == {"client_id", "client_secret", "name", "scopes"}
    assert (client["name"], client["scopes"]) == ("demo", ["marts:read", "runs:read"])
    assert works(settings, client)
    assert stat.S_IMODE((tmp_path / "accounts.sqlite").stat().st_mode) == 0o600


def test_scopes_may_share_one_option(app: App) -> None:
    client = app("clients", "create", "demo", "--scope", "marts:read runs:read", "--json").document
    assert client["scopes"] == ["marts:read", "runs:read"]


def test_create_shows_people_the_secret_once(app: App, settings: Settings) -> None:
    shown = app("clients", "create", "demo", "--scope", "marts:read")
    fields = dict(line.split(maxsplit=1) for line in shown.out.splitlines()[:3])
    assert works(settings, {**fields, "scopes": fields["scopes"].split()})
    assert "not shown again" in shown.out
    listed = app("clients", "list")
    assert fields["client_id"] in listed.out
    assert fields["client_secret"] not in listed.out + app("clients", "list", "--json").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "demo", "--scope", "mart:read"), "did you mean 'marts:read'?"),
        (("create", "", "--scope", "marts:read"), "1 to 100 printable characters"),
        (("create", "demo", "--scope", ""), "marts:read, runs:read"),
        (("create", "demo"), "scope"),
        (("rotate", "nobody"), "'app clients list' shows them"),
        (("revoke", "nobody"), "'app clients list' shows them"),
        (("rotate", "nobody", "--overlap", "-1"), "overlap"),
        (("rotate", "nobody", "--overlap", "99999999999999"), "overlap"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(app: App, arguments: tuple[str, ...], said: str) -> None:
    assert said in one_line(app("clients", *arguments), 2)


def test_list_has_every_client(app: App) -> None:
    assert app("clients", "list", "--json").document == []
    made = [app("clients", "create", name, "--scope", "marts:read", "--json").document for name in "ab"]
    app("clients", "revoke", made[0]["client_id"])
    listed = app("clients", "list", "--json").document
    assert [client["client_id"] for client in listed] == [client["client_id"] for client in made]
    assert [client["revoked_at"] is None for client in listed] == [False, True]
    assert datetime.fromisoformat(listed[0]["created_at"]).utcoffset() is not None
    assert "client_secret" not in listed[0]


def test_rotate_overlaps_as_long_as_asked(app: App, settings: Settings) -> None:
    first = app("clients", "create", "demo", "--scope", "marts:read", "--json").document
    second = app("clients", "rotate", first["client_id"], "--json").document
    assert second == {**first, "client_secret": second["client_secret"]}
    assert works(settings, first)
    assert works(settings, second)
    third = app("clients", "rotate", first["client_id"], "--overlap", "0", "--json").document
    assert [works(settings, client) for client in (first, second, third)] == [False, False, True]


def test_revoke_ends_a_client(app: App, settings: Settings) -> None:
    client = app("clients", "create", "demo", "--scope", "marts:read", "--json").document
    assert works(settings, client)
    assert app("clients", "revoke", client["client_id"], "--json").document["revoked_at"] is not None
    assert not works(settings, client)
    assert "revoked" in app("clients", "revoke", client["client_id"]).out
    assert "was revoked" in one_line(app("clients", "rotate", client["client_id"]), 2)


def test_keys_rotate_and_list(app: App, settings: Settings) -> None:
    assert app("keys", "list", "--json").document == []
    first = app("keys", "rotate", "--json").document
    assert (first["algorithm"], first["status"]) == ("ES256", "signing"), "there is nothing to wait for"
    second = app("keys", "rotate", "--algorithm", "RS256", "--json").document
    assert (second["algorithm"], second["status"]) == ("RS256", "pending")
    listed = app("keys", "list", "--json").document
    assert [(key["kid"], key["status"]) for key in listed] == [
        (second["kid"], "pending"),
        (first["kid"], "signing"),
    ]
    assert listed[1]["retired_at"] == second["signs_from"]
    assert [key["kid"] in app("keys", "list").out for key in listed] == [True, True]
    assert published(settings) == {first["kid"], second["kid"]}


def published(settings: Settings) -> set[str]:
    """The key ids that a server would publish now."""
    auth = Auth.open(settings)
    kids = {key["kid"] for key in auth.jwks()["keys"]}
    auth.close()
    return kids


def test_a_leaked_key_is_replaced_at_once(app: App, settings: Settings) -> None:
    old = app("keys", "rotate", "--json").document
    new = app("keys", "rotate", "--leaked", "--json").document
    assert new["status"] == "signing"
    assert {key["kid"]: key["status"] for key in app("keys", "list", "--json").document} == {
        old["kid"]: "revoked",
        new["kid"]: "signing",
    }
    assert published(settings) == {new["kid"]}


def test_no_command_shows_a_private_key(app: App) -> None:
    outputs = [
        app("keys", "rotate", "--json").out,
        app("keys", "list", "--json").out,
        app("keys", "list").out,
    ]
    assert all("PRIVATE" not in output for output in outputs)


def test_keys_are_encrypted_where_a_secret_is_set(
    app: App, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "thirty-two random characters, or more"
    app("keys", "rotate")
    monkeypatch.setenv("APP_KEY_ENCRYPTION_SECRET", secret)
    app("keys", "rotate", "--leaked")
    app("keys", "rotate")
    with open_accounts(settings).connect() as connection:
        pems = connection.exec_driver_sql("SELECT private_pem FROM signing_key").scalars().all()
    assert len(pems) == 3
    assert all(load_pem_private_key(pem.encode(), secret.encode()) for pem in pems)
    shown = app("config", "show", "--json").out
    assert "APP_KEY_ENCRYPTION_SECRET" in shown
    assert secret not in shown
    monkeypatch.delenv("APP_KEY_ENCRYPTION_SECRET")
    refused = command(settings.home, "serve", "--port", "0")
    assert (refused.status, refused.stdout) == (2, "")
    assert "APP_KEY_ENCRYPTION_SECRET is not set" in refused.stderr


def test_an_algorithm_must_exist(app: App) -> None:
    assert "ES256" in one_line(app("keys", "rotate", "--algorithm", "HS256"), 2)


def test_a_client_has_a_rate_of_its_own_until_told_otherwise(app: App) -> None:
    made = app("clients", "create", "demo", "--scope", "marts:read", "--rate-limit", "60/minute", "--json")
    client_id = made.document["client_id"]
    app("clients", "create", "other", "--scope", "marts:read")

    def rates() -> list[str | None]:
        return [client["rate_limit"] for client in app("clients", "list", "--json").document]

    assert rates() == ["60/minute", None]
    assert "60/minute" in app("clients", "list").out
    for given, kept in (("5/second", "5/second"), ("off", "off"), ("default", None)):
        assert app("clients", "limit", client_id, given, "--json").document["rate_limit"] == kept
        assert rates() == [kept, None]
    assert "APP_RATE_LIMIT" in app("clients", "limit", client_id, "default").out


def test_a_rate_that_is_none_changes_nothing(app: App) -> None:
    client_id = app("clients", "create", "demo", "--scope", "marts:read", "--json").document["client_id"]
    for wrong in ("60", "0/minute", "60/day", "-1/second", "1000001/second", ""):
        assert "must be a rate such as 600/minute, or off" in one_line(
            app("clients", "limit", "--", client_id, wrong), 2
        )
    said = one_line(app("clients", "create", "x", "--scope", "marts:read", "--rate-limit", "many"), 2)
    assert "'many' must be a rate" in said
    assert "'app clients list' shows them" in one_line(app("clients", "limit", "nobody", "off"), 2)
    assert [client["rate_limit"] for client in app("clients", "list", "--json").document] == [None]


@pytest.mark.parametrize("group", ["clients", "keys"])
def test_help_names_every_command(app: App, group: str) -> None:
    shown = app(group, "--help")
    assert shown.status == 0
    names = {"clients": ("create", "list", "rotate", "limit", "revoke"), "keys": ("rotate", "list")}[group]
    assert all(name in shown.out for name in names)
