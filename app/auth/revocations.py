"""Revoked tokens, by ``jti``, so that no other spelling of a token escapes."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, select

from app.auth.claims import VerifiedClaims
from app.auth.tables import revoked_token_table
from app.auth.trust import LEEWAY_S
from app.database import sole_writer


def revoke_token(engine: Engine, claims: VerifiedClaims) -> None:
    """Remember a token as revoked until it would have expired anyway; forget those that have."""
    now = datetime.now(UTC)
    expires_at = datetime.fromtimestamp(claims.expires_at, UTC) + timedelta(seconds=LEEWAY_S)
    table = revoked_token_table
    with sole_writer(engine, revoked_token_table) as connection:
        connection.execute(delete(table).where(table.c.expires_at <= now))
        if connection.scalar(select(table.c.jti).where(table.c.jti == claims.jti)) is None:
            connection.execute(table.insert().values(jti=claims.jti, revoked_at=now, expires_at=expires_at))
