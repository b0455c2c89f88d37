"""The accounts database: built by migrations, private to its owner, shared by processes started at once."""

import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from app.auth.keyring import ensure_key, read_keys
from app.auth.store import open_accounts, server_secret
from app.auth.tables import metadata
from app.database import current, downgrade, open_engine, ready, upgrade
from app.errors import ConfigurationError, StoreFailure
from app.settings import Settings
from tests.auth.conftest import on_every_database
from tests.support.program import environment
from tests.support.schema import differences

START = """
import json, sys
from pathlib import Path
from app.auth.service import Auth
from app.settings import Settings
from tests.auth.conftest import on_every_database
from tests.support.program import environment
from tests.support.schema import differences

sys.stdin.readline()
auth = Auth.open(Settings(home=Path(sys.argv[1])))
print(json.dumps({"keys": auth.jwks()["keys"], "secret": auth.cursor_secret().hex()}))
auth.close()
"""


def test_the_migrations_build_what_the_tables_declare(settings: Settings) -> None:
    assert differences(open_accounts(settings), metadata) == []


@on_every_database
def test_the_migrations_can_be_undone(settings: Settings) -> None:
    engine = open_accounts(settings)
    downgrade(engine, "accounts", "base")
    assert current(engine, "accounts") is None
    upgrade(engine, "accounts")
    assert open_accounts(settings)


def _modes(home: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in home.iterdir()}


def test_only_the_owner_reads_the_files(settings: Settings, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with open_accounts(settings).connect() as connection:
            connection.exec_driver_sql("CREATE TABLE t (x)")
            modes = _modes(tmp_path)
    finally:
        os.umask(before)
    assert set(modes) == {"accounts.sqlite", "accounts.sqlite-wal", "accounts.sqlite-shm"}
    assert set(modes.values()) == {0o600}


def test_files_that_others_could_read_are_closed_to_them(settings: Settings, tmp_path: Path) -> None:
    with ready(open_engine(settings.database), "accounts").connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        for file in tmp_path.iterdir():
            file.chmod(0o644)
        open_accounts(settings)
        assert set(_modes(tmp_path).values()) == {0o600}


def test_a_file_that_cannot_be_made_private_is_said(tmp_path: Path) -> None:
    (tmp_path / "accounts.sqlite").mkdir()
    with pytest.raises(StoreFailure, match="private"):
        open_accounts(Settings(home=tmp_path))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_no_file_is_made_for_a_database_in_memory(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    open_accounts(Settings(home=tmp_path, database_url=url))
    assert list(tmp_path.iterdir()) == []


def test_another_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        open_accounts(Settings(home=tmp_path, database_url="mysql://localhost/x"))


@on_every_database
def test_a_server_secret_is_made_once_per_name(settings: Settings) -> None:
    secret = server_secret(open_accounts(settings), "cursor")
    assert len(secret) == 32
    assert server_secret(open_accounts(settings), "cursor") == secret
    assert server_secret(open_accounts(settings), "other") != secret


@on_every_database
def test_processes_that_start_at_once_agree_on_the_first_key(tmp_path: Path, database: str | None) -> None:
    command = [sys.executable, "-W", "error", "-c", START, str(tmp_path / "home")]
    named = environment(tmp_path, **({"APP_DATABASE_URL": database} if database else {}))
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=named)
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert len(answers[0]["keys"]) == 1
    assert all(answer == answers[0] for answer in answers)


@on_every_database
def test_of_many_that_begin_at_once_one_makes_keys_and_secrets(settings: Settings) -> None:
    """As close together as threads can be, each with a connection of its own."""
    engine, together = open_accounts(settings), Barrier(6)

    def begin(_: int) -> bytes:
        together.wait()
        ensure_key(engine)
        together.wait()
        return server_secret(engine, "cursor")

    with ThreadPoolExecutor(6) as pool:
        secrets = list(pool.map(begin, range(6)))
    assert len(set(secrets)) == 1
    with engine.connect() as connection:
        assert len(read_keys(connection)) == 1
