"""What every command of the program has in common."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from app.cli.main import build
from tests.cli.conftest import Inside
from tests.support.program import command


def commands(found: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command with the words that call it."""
    for name, inner in getattr(found, "commands", {}).items():
        yield from commands(inner, (*path, name))
    if not hasattr(found, "commands"):
        yield path, found


COMMANDS = dict(commands(typer.main.get_command(build())))
#: Contract section 2, what there is of it yet.
PROMISED = {
    "etl": "run runs show rejects diff publish rollback prune load verify report sample",
    "db": "upgrade downgrade current",
    "clients": "create list rotate restrict revoke",
    "keys": "rotate list",
    "config": "show",
}
RUN_OPTIONS = (
    "--destination --engine --require-financials --max-reject-ratio --allow-shrink "
    "--force --dry-run --no-publish --as-of --json"
)


def options(path: tuple[str, ...]) -> set[str]:
    return {option for item in COMMANDS[path].params for option in item.opts}


def test_all_that_is_promised_is_there() -> None:
    promised = {(group, name) for group, names in PROMISED.items() for name in names.split()}
    assert set(COMMANDS) >= promised | {("serve",)}
    assert options(("etl", "run")) >= set(RUN_OPTIONS.split())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_takes_help_and_json(path: tuple[str, ...], inside: Inside, tmp_path: Path) -> None:
    assert "--json" in options(path)
    done = inside(tmp_path, *path, "--help")
    assert (done.status, done.stderr) == (0, "")
    assert " ".join(["Usage: app", *path]) in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_help_of_the_program_itself(tmp_path: Path) -> None:
    done = command(tmp_path, "--help")
    assert (done.status, done.stderr) == (0, "")
    for group in ("etl", "serve", "db", "clients", "keys", "config"):
        assert group in done.stdout
