"""OAuth2 clients: made, listed, rotated, revoked, and told apart from impostors.

A secret is ``mm_<secret id>_<256 random bits>``: the id finds the one hash to compare with, so that every
attempt costs exactly one argon2id computation, whether the client exists or not.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import Connection, Engine, Row, or_, select, update

from app.auth.errors import UnknownClient
from app.auth.scopes import known_scopes
from app.auth.tables import client_secret_table, client_table
from app.database import transaction
from app.errors import ConfigurationError
from app.marts.restrictions import Restrictions
from app.settings import parse_rate

#: The least that OWASP's cheat sheet on password storage names; secrets of 256 bits cannot be guessed anyway.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_CLIENT_ID = re.compile(r"[0-9a-f]{24}")
_SECRET = re.compile(r"mm_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")
MAX_NAME = 100
#: How long the previous secret still works after a rotation.
OVERLAP = timedelta(hours=24)


@dataclass(frozen=True)
class Client:
    """An OAuth2 client; times are aware UTC."""

    client_id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None = None
    rate_limit: str | None = None
    restrictions: dict[str, Any] | None = None


@dataclass(frozen=True)
class NewSecret:
    """A client and its new secret, which nobody can read again."""

    client: Client
    secret: str

    def __repr__(self) -> str:
        """Show no secret."""
        return f"NewSecret({self.client.client_id!r})"


class _Secret(NamedTuple):
    secret_id: str
    text: str
    hash: str


def create_client(
    engine: Engine,
    name: str,
    scopes: list[str],
    restrictions: Restrictions | None = None,
    rate_limit: str | None = None,
) -> NewSecret:
    """Make a client with these scopes, which may read everything unless restrictions say otherwise.

    It has a rate of its own if one is given.

    Raises:
        UnknownScope: one of them does not exist, or there is none.
        ConfigurationError: the name is empty, too long or not printable, or the rate is none.
    """
    if not 0 < len(name.strip()) <= MAX_NAME or not name.isprintable():
        raise ConfigurationError(f"the name {name!r} cannot be used", f"1 to {MAX_NAME} printable characters")
    client = Client(
        secrets.token_hex(12),
        name.strip(),
        known_scopes(scopes),
        datetime.now(UTC),
        rate_limit=_checked(rate_limit),
        restrictions=restrictions.document() if restrictions else None,
    )
    secret = _generate()
    with transaction(engine) as connection:
        columns = {column.name: getattr(client, column.name) for column in client_table.c}
        connection.execute(client_table.insert().values(columns))
        _insert_secret(connection, client, secret)
    return NewSecret(client, secret.text)


def list_clients(engine: Engine) -> list[Client]:
    """Return every client, revoked ones included, in the order they were made."""
    with engine.connect() as connection:
        return _read_clients(connection)


def rotate_secret(engine: Engine, client_id: str, overlap: timedelta = OVERLAP) -> NewSecret:
    """Give a client a new secret; those it has stop working after the overlap, or earlier if they were to.

    Raises:
        UnknownClient: there is no such client, or it was revoked.
    """
    table = client_secret_table
    ends_at = datetime.now(UTC) + overlap
    later = or_(table.c.expires_at.is_(None), table.c.expires_at > ends_at)
    secret = _generate()
    with transaction(engine) as connection:
        client = _find(connection, client_id)
        if client.revoked_at is not None:
            raise UnknownClient(f"client {client_id} was revoked", "make a new one: 'app clients create'")
        connection.execute(
            update(table).where(table.c.client_id == client_id, later).values(expires_at=ends_at)
        )
        _insert_secret(connection, client, secret)
    return NewSecret(client, secret.text)


def restrict_client(engine: Engine, client_id: str, restrictions: Restrictions | None) -> Client:
    """Let a client read only what these restrictions allow, instead of any earlier ones; None lifts them.

    Raises:
        UnknownClient: there is no such client.
    """
    document = restrictions.document() if restrictions else None
    chosen = client_table.c.client_id == client_id
    with transaction(engine) as connection:
        connection.execute(update(client_table).where(chosen).values(restrictions=document))
        return _find(connection, client_id)


def revoke_client(engine: Engine, client_id: str) -> Client:
    """End a client and every token it holds; revoking it again changes nothing.

    Raises:
        UnknownClient: there is no such client.
    """
    active = (client_table.c.client_id == client_id) & client_table.c.revoked_at.is_(None)
    with transaction(engine) as connection:
        connection.execute(update(client_table).where(active).values(revoked_at=datetime.now(UTC)))
        return _find(connection, client_id)


def limit_client(engine: Engine, client_id: str, rate_limit: str | None) -> Client:
    """Give a client a rate of its own, or None: that of all.

    Raises:
        UnknownClient: there is no such client.
        ConfigurationError: this is no rate.
    """
    changed = update(client_table).where(client_table.c.client_id == client_id)
    with transaction(engine) as connection:
        connection.execute(changed.values(rate_limit=_checked(rate_limit)))
        return _find(connection, client_id)


def _checked(rate_limit: str | None) -> str | None:
    try:
        if rate_limit is not None:
            parse_rate(rate_limit)
    except ValueError as error:
        raise ConfigurationError(f"the rate limit {rate_limit!r} {error}") from None
    return rate_limit


def authenticate(engine: Engine, client_id: str, secret: str, now: datetime | None = None) -> Client | None:
    """Return the client if the secret is one of its own and works now, else None, after the same time."""
    spelled = _SECRET.fullmatch(secret)
    known = _CLIENT_ID.fullmatch(client_id)
    secret_id = spelled.group(1) if spelled and known else ""
    with engine.connect() as connection:
        row = _live_secret(connection, client_id if known else "", secret_id, now or datetime.now(UTC))
    matches = _verify(row.hash if row else decoy_hash(), secret if spelled else "")
    return _client(row) if row and matches else None


@cache
def decoy_hash() -> str:
    """Return a hash that no secret matches, compared with where there is nothing else to compare with."""
    return _HASHER.hash(secrets.token_urlsafe(32))


def _verify(hashed: str, secret: str) -> bool:
    try:
        return _HASHER.verify(hashed, secret)
    except VerifyMismatchError:
        return False


def _live_secret(connection: Connection, client_id: str, secret_id: str, now: datetime) -> Row[Any] | None:
    table = client_secret_table
    wanted = (
        select(client_table, table.c.hash)
        .join(table)
        .where(table.c.secret_id == secret_id, client_table.c.client_id == client_id)
        .where(client_table.c.revoked_at.is_(None))
        .where(or_(table.c.expires_at.is_(None), table.c.expires_at > now))
    )
    return connection.execute(wanted).one_or_none()


def _generate() -> _Secret:
    secret_id = secrets.token_hex(8)
    text = f"mm_{secret_id}_{secrets.token_urlsafe(32)}"
    return _Secret(secret_id, text, _HASHER.hash(text))


def _insert_secret(connection: Connection, client: Client, secret: _Secret) -> None:
    connection.execute(
        client_secret_table.insert().values(
            secret_id=secret.secret_id,
            client_id=client.client_id,
            hash=secret.hash,
            created_at=datetime.now(UTC),
        )
    )


def _find(connection: Connection, client_id: str) -> Client:
    row = connection.execute(select(client_table).where(client_table.c.client_id == client_id)).one_or_none()
    if row is None:
        raise UnknownClient(f"no client {client_id!r}", "'app clients list' shows them")
    return _client(row)


def _read_clients(connection: Connection) -> list[Client]:
    ordered = select(client_table).order_by(client_table.c.created_at, client_table.c.client_id)
    return [_client(row) for row in connection.execute(ordered)]


def _client(row: Row[Any]) -> Client:
    scopes = tuple(row.scopes)
    return Client(
        row.client_id, row.name, scopes, row.created_at, row.revoked_at, row.rate_limit, row.restrictions
    )
