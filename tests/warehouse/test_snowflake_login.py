"""What a session with Snowflake begins with: a key instead of a password, a tag; and what never shows."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwt
from sqlalchemy.engine import make_url

from app.cli.config import describe
from app.database.snowflake import open_snowflake
from app.errors import ConfigurationError
from app.settings import Settings
from tests.support.snowflake import SnowflakeServer

PASSPHRASE = "correct horse, battery & staple"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """A private key as Snowflake wants it."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@pytest.fixture
def key_file(key: rsa.RSAPrivateKey, tmp_path: Path) -> Path:
    """The key in a PEM file, encrypted."""
    encrypted = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    form = serialization.PrivateFormat.PKCS8
    path = tmp_path / "key.p8"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, encrypted))
    return path


def settings(server: SnowflakeServer, **given: Any) -> Settings:
    url = f"snowflake://etl@127.0.0.1:{server.port}/login/public?warehouse=loading&role=writer"
    return Settings(warehouse_url=url, destination="s3://bucket/marts", _env_file=None, **given)


def last_login(server: SnowflakeServer) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/logins", timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found[-1]


def test_a_key_signs_in(snowflake: SnowflakeServer, key: rsa.RSAPrivateKey, key_file: Path) -> None:
    given = settings(
        snowflake, snowflake_private_key_file=key_file, snowflake_private_key_passphrase=PASSPHRASE
    )
    engine = open_snowflake(make_url(given.warehouse), **snowflake.connect)
    with engine.connect():
        said = last_login(snowflake)
    assert said["AUTHENTICATOR"] == "SNOWFLAKE_JWT"
    assert not said.get("PASSWORD")
    assert said["SESSION_PARAMETERS"]["QUERY_TAG"] == "movie-marts"
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    claims = jwt.decode(said["TOKEN"], public.decode(), algorithms=["RS256"])
    assert claims["sub"] == "FAKE.ETL"


@pytest.mark.parametrize(
    ("content", "passphrase", "reason"),
    [
        (None, PASSPHRASE, "No such file"),
        ("no key", PASSPHRASE, "no private key that APP_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE opens"),
        ("", "another", "no private key that APP_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE opens"),
        ("", None, "no private key that APP_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE opens"),
    ],
)
def test_a_key_that_cannot_be_read_is_told(
    snowflake: SnowflakeServer, key_file: Path, content: str | None, passphrase: str | None, reason: str
) -> None:
    if content is None:
        key_file.unlink()
    elif content:
        key_file.write_text(content)
    given = settings(
        snowflake, snowflake_private_key_file=key_file, snowflake_private_key_passphrase=passphrase
    )
    with pytest.raises(ConfigurationError, match=reason) as failure:
        open_snowflake(make_url(given.warehouse))
    assert str(key_file) in str(failure.value)
    assert "another" not in str(failure.value)
    assert PASSPHRASE not in str(failure.value)


def test_a_passphrase_is_never_shown(snowflake: SnowflakeServer, key_file: Path) -> None:
    given = settings(
        snowflake, snowflake_private_key_file=key_file, snowflake_private_key_passphrase="hush-hush"
    )
    assert "hush" in given.warehouse
    assert "hush" not in str(describe(given)) + repr(given) + repr(make_url(given.warehouse))
