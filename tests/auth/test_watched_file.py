"""The accounts as a SQLite file: copies put in its place, and rows that cannot be understood."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.auth import watcher
from app.auth.clients import Client, create_client, revoke_client
from app.auth.service import Auth
from app.database import transaction
from tests.auth.followed import refused, within_a_second


def test_what_cannot_be_understood_does_not_end_the_watch(
    auth: Auth, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    token = auth.issue(client).access_token
    garbled = (
        "INSERT INTO signing_key SELECT 'x', algorithm, '{', private_pem, created_at, signs_from, NULL, NULL "
        "FROM signing_key"
    )
    with caplog.at_level(logging.WARNING, watcher.__name__):
        with transaction(auth.engine) as connection:
            connection.exec_driver_sql(garbled)
        assert within_a_second(lambda: "cannot be read" in caplog.text)
    with transaction(auth.engine) as connection:
        connection.exec_driver_sql("DELETE FROM signing_key WHERE kid = 'x'")
    revoke_client(auth.engine, client.client_id)
    assert within_a_second(lambda: refused(auth, token))


def test_a_restored_copy_of_the_file_is_followed(auth: Auth, client: Client, tmp_path: Path) -> None:
    other = create_client(auth.engine, "other", ["marts:read"]).client
    token, others = auth.issue(client).access_token, auth.issue(other).access_token
    revoke_client(auth.engine, other.client_id)
    assert within_a_second(lambda: refused(auth, others))  # from here on the first file is being followed
    file = Path(str(auth.engine.url.database))
    copy = tmp_path / "copy.sqlite"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    for companion in ("-wal", "-shm"):
        file.with_name(file.name + companion).unlink(missing_ok=True)
    copy.replace(file)
    assert not refused(auth, token)
    revoke_client(auth.engine, client.client_id)
    assert within_a_second(lambda: refused(auth, token))


def test_a_file_that_is_away_for_a_while_is_followed_again(
    auth: Auth, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody moves it, notices, and moves a copy back."""
    seen: list[object] = []
    identity = watcher._identity

    def noted(engine: Engine) -> tuple[int, int] | None:
        seen.append(identity(engine))
        return identity(engine)

    other = create_client(auth.engine, "other", ["marts:read"]).client
    token, others = auth.issue(client).access_token, auth.issue(other).access_token
    revoke_client(auth.engine, other.client_id)
    assert within_a_second(lambda: refused(auth, others))  # from here on the first file is being followed
    file = Path(str(auth.engine.url.database))
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(file.with_suffix(".2"))) as target:
        source.backup(target)
    monkeypatch.setattr(watcher, "_identity", noted)
    for name in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
        name.rename(name.with_name(f"away-{name.name}"))
    assert within_a_second(lambda: None in seen)
    assert not refused(auth, token), "the last known state stays"
    file.with_suffix(".2").rename(file)
    revoke_client(auth.engine, client.client_id)
    assert within_a_second(lambda: refused(auth, token))
