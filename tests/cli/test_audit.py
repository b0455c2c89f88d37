"""What commands leave in the audit log, and what they do without one."""

import os
import pwd
from pathlib import Path
from typing import Any

import pytest

from app.cli import audit
from tests.cli.conftest import History, Inside, document, one_line
from tests.support.audited import audited
from tests.support.program import command
from tests.support.small import movie, write

ME = pwd.getpwuid(os.getuid()).pw_name


def said(home: Path) -> list[dict[str, Any]]:
    """Return the lines, without their times and the user, who is always the same."""
    lines = audited(home)
    for line in lines:
        assert line.pop("time")
        assert line.pop("user") == ME
        line.pop("sudo_user")
    return lines


def test_clients(inside: Inside, tmp_path: Path) -> None:
    made = document(inside(tmp_path, "clients", "create", "demo", "--scope", "marts:read", "--json"))
    client_id = made["client_id"]
    inside(tmp_path, "clients", "rotate", client_id, "--overlap", "60")
    inside(tmp_path, "clients", "limit", client_id, "60/minute")
    inside(tmp_path, "clients", "limit", client_id, "default")
    inside(tmp_path, "clients", "restrict", client_id, "--only-company", "7")
    inside(tmp_path, "clients", "restrict", client_id, "--lift")
    inside(tmp_path, "clients", "revoke", client_id)
    one_line(inside(tmp_path, "clients", "revoke", "nobody"), 2)
    inside(tmp_path, "clients", "list")
    who = {"client_id": client_id, "name": "demo"}
    assert said(tmp_path) == [
        {
            "event": "client.created",
            **who,
            "scopes": ["marts:read"],
            "rate_limit": None,
            "restrictions": None,
        },
        {"event": "client.rotated", **who, "overlap": 60},
        {"event": "client.limited", **who, "rate_limit": "60/minute"},
        {"event": "client.limited", **who, "rate_limit": None},
        {"event": "client.restricted", **who, "restrictions": {"production_company": [7]}},
        {"event": "client.restricted", **who, "restrictions": None},
        {"event": "client.revoked", **who},
    ]


def test_keys(inside: Inside, tmp_path: Path) -> None:
    kids = [
        document(inside(tmp_path, "keys", "rotate", *options, "--json"))["kid"]
        for options in ((), ("--leaked", "--algorithm", "RS256"))
    ]
    assert said(tmp_path) == [
        {"event": "key.rotated", "kid": kids[0], "algorithm": "ES256"},
        {"event": "key.replaced", "kid": kids[1], "algorithm": "RS256"},
    ]


def test_the_pointer(own_history: History, inside: Inside) -> None:
    home = own_history.home
    inside(home, "etl", "rollback")
    inside(home, "etl", "publish", own_history.held)
    inside(home, "etl", "prune", "--keep", "1")
    assert said(home) == [
        {"event": "run.rolled_back", "run_id": own_history.first},
        {"event": "run.published", "run_id": own_history.held},
        {"event": "run.pruned", "run_id": own_history.second},
        {"event": "run.pruned", "run_id": own_history.first},
    ]


def test_runs(inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = write(tmp_path / "good.csv", [movie(1), movie(2)])
    better = write(tmp_path / "better.csv", [movie(1), movie(2), movie(3)])
    bad = write(tmp_path / "bad.csv", [movie(1), movie(2, date="x")])
    home = tmp_path / "home"
    monkeypatch.setenv("APP_KEEP_RUNS", "1")
    first = document(inside(home, "etl", "run", str(good), "--json"))
    inside(home, "etl", "run", str(good))
    inside(home, "etl", "run", str(better), "--dry-run")
    second = document(inside(home, "etl", "run", str(better), "--json"))
    inside(home, "etl", "run", str(bad))
    lines = said(home)
    held = lines.pop()
    assert lines == [
        {"event": "run.published", "run_id": first["run_id"]},
        {"event": "run.published", "run_id": second["run_id"]},
        {"event": "run.pruned", "run_id": first["run_id"]},
    ]
    assert held["event"] == "run.held"
    assert "reject" in held["reason"]


def test_a_dry_run_leaves_no_trace(inside: Inside, tmp_path: Path) -> None:
    delivery = write(tmp_path / "movies.csv", [movie(1)])
    inside(tmp_path / "home", "etl", "run", str(delivery), "--dry-run")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("clients", "create", "demo", "--scope", "marts:read"),
        ("clients", "rotate", "x"),
        ("clients", "revoke", "x"),
        ("keys", "rotate"),
        ("etl", "publish", "x"),
        ("etl", "rollback"),
        ("etl", "prune", "--keep", "1"),
        ("etl", "load", "x"),
        ("etl", "load", "--all"),
        ("etl", "run", "movies.csv"),
    ],
    ids=" ".join,
)
def test_nothing_is_changed_that_cannot_be_recorded(
    inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    write(tmp_path / "movies.csv", [movie(1)])
    monkeypatch.setenv("APP_AUDIT_LOG", str(tmp_path))
    line = one_line(inside(tmp_path / "home", *words), 6)
    assert (
        f"cannot write to the audit log {tmp_path}: Is a directory; make room, or correct APP_AUDIT_LOG"
        in line
    )
    assert not (tmp_path / "home").exists()


def test_no_server_starts_that_cannot_record(tmp_path: Path) -> None:
    done = command(tmp_path / "home", "serve", "--port", "0", APP_AUDIT_LOG=str(tmp_path))
    assert f"cannot write to the audit log {tmp_path}: Is a directory" in one_line(done, 6)
    assert not (tmp_path / "home").exists()


def test_off_records_nothing(inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_AUDIT_LOG", "off")
    assert inside(tmp_path, "keys", "rotate").status == 0
    assert audited(tmp_path) == []


def test_root_says_who_became_it(inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "anna")
    for uid in (0, 4_294_000_000):
        audit.user.cache_clear()
        monkeypatch.setattr(os, "getuid", lambda uid=uid: uid)
        inside(tmp_path, "keys", "rotate")
    audit.user.cache_clear()
    first, second = audited(tmp_path)
    assert (first["user"], first["sudo_user"]) == ("root", "anna")
    assert (second["user"], second["sudo_user"]) == ("4294000000", None), "anybody can set a variable"
