"""Clients, their secrets, signing keys, revoked tokens and server secrets."""

import sqlalchemy as sa
from alembic import op

from app.database_types import UtcTime

revision = "accounts_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_clients()
    _create_keys()


def downgrade() -> None:
    for name in ("secret", "revoked_token", "signing_key", "client_secret", "client"):
        op.drop_table(name)


def _create_clients() -> None:
    op.create_table(
        "client",
        sa.Column("client_id", sa.String(32), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("revoked_at", UtcTime),
        sa.PrimaryKeyConstraint("client_id", name="pk_client"),
    )
    op.create_table(
        "client_secret",
        sa.Column("secret_id", sa.String(32), nullable=False),
        sa.Column("client_id", sa.String(32), nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("expires_at", UtcTime),
        sa.PrimaryKeyConstraint("secret_id", name="pk_client_secret"),
        sa.ForeignKeyConstraint(["client_id"], ["client.client_id"], name="fk_client_secret_client_id"),
    )
    op.create_index("ix_client_secret_client_id", "client_secret", ["client_id"])


def _create_keys() -> None:
    op.create_table(
        "signing_key",
        sa.Column("kid", sa.String(64), nullable=False),
        sa.Column("algorithm", sa.String(8), nullable=False),
        sa.Column("public_jwk", sa.JSON, nullable=False),
        sa.Column("private_pem", sa.Text, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("signs_from", UtcTime, nullable=False),
        sa.Column("retired_at", UtcTime),
        sa.Column("revoked_at", UtcTime),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_key"),
    )
    op.create_table(
        "revoked_token",
        sa.Column("jti", sa.String(64), nullable=False),
        sa.Column("revoked_at", UtcTime, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("jti", name="pk_revoked_token"),
    )
    op.create_table(
        "secret",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_secret"),
    )
