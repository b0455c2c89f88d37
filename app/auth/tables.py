"""Tables of the accounts database: clients, their secrets, signing keys, revoked tokens, server secrets."""

from sqlalchemy import JSON, Column, ForeignKey, Index, LargeBinary, MetaData, String, Table, Text

from app.database_types import UtcTime

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

#: ``scopes`` is a list. A revoked client stays, so that its live tokens stay refused. ``rate_limit`` goes
#: before ``APP_RATE_LIMIT``; ``restrictions`` says what the client may read, everything where it is null.
client_table = Table(
    "client",
    metadata,
    Column("client_id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    Column("rate_limit", Text),
    Column("restrictions", JSON(none_as_null=True)),
)

#: Several per client, so that a rotation can overlap. ``secret_id`` is the part of a secret that finds it.
client_secret_table = Table(
    "client_secret",
    metadata,
    Column("secret_id", String(32), primary_key=True),
    Column("client_id", String(32), ForeignKey("client.client_id"), nullable=False),
    Column("hash", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
)
Index(None, client_secret_table.c.client_id)

#: A key signs from ``signs_from`` until ``retired_at``, and verifies until the tokens it signed have expired;
#: ``revoked_at`` ends both at once.
signing_key_table = Table(
    "signing_key",
    metadata,
    Column("kid", String(64), primary_key=True),
    Column("algorithm", String(8), nullable=False),
    Column("public_jwk", JSON, nullable=False),
    Column("private_pem", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("signs_from", UtcTime, nullable=False),
    Column("retired_at", UtcTime),
    Column("revoked_at", UtcTime),
)

#: Kept until ``expires_at``, after which the token is refused anyway.
revoked_token_table = Table(
    "revoked_token",
    metadata,
    Column("jti", String(64), primary_key=True),
    Column("revoked_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

#: Random bytes of the server's own, ``name = 'cursor'`` for signing cursors.
secret_table = Table(
    "secret",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)
