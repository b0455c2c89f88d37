"""The signing keys in the accounts database: the first one, rotation, and which of them count now."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, select, update

from app.auth.keys import Algorithm, SigningKey, generate
from app.auth.private_keys import encrypted, is_encrypted
from app.auth.tables import signing_key_table
from app.database import sole_writer
from app.errors import StoreFailure

DEFAULT_ALGORITHM: Algorithm = "ES256"
#: A new key is shown this long before it signs, so that every process knows it by then.
ANNOUNCED = timedelta(seconds=2)


def read_keys(connection: Connection) -> list[SigningKey]:
    """Return every key, the newest first."""
    newest = select(signing_key_table).order_by(
        signing_key_table.c.signs_from.desc(), signing_key_table.c.kid
    )
    return [SigningKey(**row._mapping) for row in connection.execute(newest)]


def ensure_key(engine: Engine, secret: str | None = None) -> None:
    """Make the first signing key where there is none; of several processes at once, one does.

    Raises:
        ConfigurationError: there is one, and ``secret`` does not open it.
    """
    with engine.connect() as connection:
        if usable := _usable(read_keys(connection)):
            usable[0].signer(secret)
            return
    now = datetime.now(UTC)
    with sole_writer(engine, signing_key_table) as connection:
        if not _usable(read_keys(connection)):
            _insert(connection, generate(DEFAULT_ALGORITHM, now, now, secret))


def rotate(
    engine: Engine,
    algorithm: Algorithm = DEFAULT_ALGORITHM,
    now: datetime | None = None,
    secret: str | None = None,
) -> SigningKey:
    """Make a new key sign; the old ones verify until the tokens they signed have expired.

    With a secret the new key is stored encrypted, and so is every other one from now on.
    """
    now = now or datetime.now(UTC)
    key = generate(algorithm, now, now, secret)
    with sole_writer(engine, signing_key_table) as connection:
        if _usable(read_keys(connection)):
            key = replace(key, signs_from=now + ANNOUNCED)
        in_use = signing_key_table.c.retired_at.is_(None)
        connection.execute(update(signing_key_table).where(in_use).values(retired_at=key.signs_from))
        _insert(connection, key)
        _encrypt_all(connection, secret)
    return key


def replace_leaked(
    engine: Engine,
    algorithm: Algorithm = DEFAULT_ALGORITHM,
    now: datetime | None = None,
    secret: str | None = None,
) -> SigningKey:
    """Make a new key sign at once and end every other one, and with them every live token."""
    now = now or datetime.now(UTC)
    key = generate(algorithm, now, now, secret)
    trusted = signing_key_table.c.revoked_at.is_(None)
    with sole_writer(engine, signing_key_table) as connection:
        connection.execute(update(signing_key_table).where(trusted).values(revoked_at=now))
        _insert(connection, key)
        _encrypt_all(connection, secret)
    return key


def signing_key(keys: Iterable[SigningKey], now: datetime) -> SigningKey:
    """Return the key that signs now.

    Raises:
        StoreFailure: no key does, because the clock went back behind the first one.
    """
    current = [key for key in keys if key.signs(now)]
    if not current:
        raise StoreFailure("no signing key is in use now", "check the clock, or run 'app keys rotate'")
    return max(current, key=lambda key: key.signs_from)


def verifying_keys(keys: Iterable[SigningKey], now: datetime, overlap: timedelta) -> list[SigningKey]:
    """Return the keys whose tokens may still be good, the coming one included: what JWKS shows."""
    return [key for key in keys if key.revoked_at is None and key.verifies_until(overlap) > now]


def _usable(keys: Iterable[SigningKey]) -> list[SigningKey]:
    return [key for key in keys if key.revoked_at is None and key.retired_at is None]


def _encrypt_all(connection: Connection, secret: str | None) -> None:
    table = signing_key_table
    for key in read_keys(connection):
        if secret and not is_encrypted(key.private_pem):
            pem = encrypted(key.private_pem, secret)
            connection.execute(update(table).where(table.c.kid == key.kid).values(private_pem=pem))


def _insert(connection: Connection, key: SigningKey) -> None:
    columns = {column.name: getattr(key, column.name) for column in signing_key_table.c}
    connection.execute(signing_key_table.insert().values(columns))
