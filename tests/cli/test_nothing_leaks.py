"""A secret and a token, given to every command in every place, are in no error and no log."""

from pathlib import Path

import pytest

from app.auth.clients import create_client
from app.auth.service import Auth
from app.settings import Settings
from tests.cli.conftest import Inside
from tests.cli.test_every_command import COMMANDS
from tests.support.program import command
from tests.support.secret import lines_with, unguessable


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A client's secret and a token of it."""
    auth = Auth.open(Settings(home=tmp_path_factory.mktemp("other"), _env_file=None))
    new = create_client(auth.engine, "demo", ["marts:read"])
    token = auth.issue(new.client).access_token
    auth.close()
    return new.secret, token


def calls(path: tuple[str, ...], value: str) -> list[list[str]]:
    """Return calls of a command with a value in the place of each argument and each option."""
    items = COMMANDS[path].params
    arguments = [value for item in items if item.param_type_name == "argument"]
    options = [item for item in items if item.param_type_name == "option" and not item.is_flag]
    return [
        [*path, *arguments],
        [*path, *arguments, value],
        [*path, *arguments, f"--{value}"],
        *([*path, *arguments, item.opts[0], value] for item in options),
        *([*path, *arguments, "--scope", "marts:read", item.opts[0], value] for item in options),
    ]


@pytest.mark.parametrize("path", sorted(set(COMMANDS) - {("serve",)}), ids=" ".join)
def test_no_command_gives_anything_away(
    path: tuple[str, ...], credentials: tuple[str, str], inside: Inside, tmp_path: Path
) -> None:
    parts = unguessable(*credentials)
    for value in credentials:
        for words in calls(path, value):
            for debug in ((), ("--debug",)):
                done = inside(tmp_path / "home", *words, *debug)
                assert lines_with(done.stderr, parts) == [], words
    log = tmp_path / "home" / "audit.jsonl"
    assert lines_with(log.read_text() if log.exists() else "", parts) == []


@pytest.mark.parametrize("words", [("--host", "{}"), ("--port", "{}"), ("{}",)], ids=" ".join)
def test_no_server_that_does_not_start_gives_anything_away(
    words: tuple[str, ...], credentials: tuple[str, str], tmp_path: Path
) -> None:
    for value in credentials:
        done = command(tmp_path, "serve", *(word.format(value) for word in words))
        assert done.status != 0
        assert lines_with(done.stderr, unguessable(*credentials)) == []
