"""Private keys at rest: encrypted with the secret that is set, and of no use without it."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import SecretStr

from app.auth import keyring
from app.auth.clients import create_client
from app.auth.keys import Algorithm
from app.auth.service import Auth
from app.auth.store import open_accounts
from app.errors import ConfigurationError
from app.settings import Settings
from tests.auth.conftest import make_settings

SECRET = "correct horse battery staple, 32 and more"
OTHER = "another one of thirty-two characters and more"


def settings_with(home: Path, secret: str | None) -> Settings:
    """Return settings of a home with this secret."""
    value = SecretStr(secret) if secret else None
    return make_settings(home).model_copy(update={"key_encryption_secret": value})


def stored(home: Path) -> list[str]:
    """Return the private keys as the database has them, the newest first."""
    with open_accounts(make_settings(home)).connect() as connection:
        return [key.private_pem for key in keyring.read_keys(connection)]


def issues(settings: Settings) -> bool:
    """Whether a server with these settings issues a token that it verifies."""
    auth = Auth.open(settings)
    try:
        client = create_client(auth.engine, "demo", ["marts:read"]).client
        token = auth.issue(client).access_token
        return auth.verifier.verify(token).client_id == client.client_id
    finally:
        auth.close()


def test_a_key_is_stored_encrypted_and_signs(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, SECRET)
    assert issues(settings)
    (pem,) = stored(tmp_path)
    assert load_pem_private_key(pem.encode(), SECRET.encode())
    for wrong in (None, OTHER.encode()):
        with pytest.raises((TypeError, ValueError)):
            load_pem_private_key(pem.encode(), wrong)
    assert b"BEGIN PRIVATE KEY" not in (tmp_path / "accounts.sqlite").read_bytes()
    assert issues(settings), "as a restart does"


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_rotation_encrypts_what_was_not(tmp_path: Path, algorithm: Algorithm) -> None:
    assert issues(settings_with(tmp_path, None))
    assert issues(settings_with(tmp_path, SECRET)), "a key that is not encrypted goes on working"
    assert "BEGIN PRIVATE KEY" in stored(tmp_path)[0]
    keyring.rotate(open_accounts(make_settings(tmp_path)), algorithm, secret=SECRET)
    assert len(stored(tmp_path)) == 2
    for pem in stored(tmp_path):
        assert load_pem_private_key(pem.encode(), SECRET.encode())
    assert issues(settings_with(tmp_path, SECRET))


def test_a_leak_encrypts_what_was_not(tmp_path: Path) -> None:
    assert issues(settings_with(tmp_path, None))
    keyring.replace_leaked(open_accounts(make_settings(tmp_path)), secret=SECRET)
    assert ["ENCRYPTED" in pem for pem in stored(tmp_path)] == [True, True]
    assert issues(settings_with(tmp_path, SECRET))


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        (None, "is encrypted, and APP_KEY_ENCRYPTION_SECRET is not set"),
        (OTHER, "cannot be decrypted with APP_KEY"),
    ],
)
def test_a_server_without_the_secret_does_not_start(tmp_path: Path, secret: str | None, message: str) -> None:
    assert issues(settings_with(tmp_path, SECRET))
    with pytest.raises(ConfigurationError, match=message) as caught:
        Auth.open(settings_with(tmp_path, secret))
    assert "'app keys rotate'" in str(caught.value)
    assert OTHER not in str(caught.value)


def test_a_rotation_is_the_way_to_another_secret(tmp_path: Path) -> None:
    """Old keys verify with their public half; only the one that signs is ever decrypted."""
    assert issues(settings_with(tmp_path, SECRET))
    keyring.replace_leaked(open_accounts(make_settings(tmp_path)), secret=OTHER)
    assert issues(settings_with(tmp_path, OTHER))
