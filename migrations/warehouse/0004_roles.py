"""Roles of those who write and of those who read a PostgreSQL warehouse; logins are put into them by hand.

``movie_marts_writer`` owns marts and dimensions, because only their owner may give them partitions. Roles are
the whole server's: they stay when this is undone, and where they are there already they are used.
"""

import logging

import sqlalchemy as sa
from alembic import op

revision = "warehouse_0004"
down_revision = "warehouse_0003"
branch_labels = None
depends_on = None

WRITER, READER = "movie_marts_writer", "movie_marts_reader"
ROWS = (
    "mart_year",
    "mart_genre_year",
    "mart_company_year",
    "mart_company_genre_year",
    "dim_genre",
    "dim_production_company",
)
CATALOGUE = ("run", "publication", "run_lock")
VERSION = "alembic_version_warehouse"
log = logging.getLogger("app.migrations")


def upgrade() -> None:
    if not _is_postgresql():
        return
    missing = [role for role in (WRITER, READER) if not _exists(role)]
    if not _may_create_roles() and (missing or not _is_writer()):
        log.warning(
            "the roles %s and %s were not set up: %s may not create roles. Only other users need them;"
            " docs/warehouses.md says how to set them up later",
            WRITER,
            READER,
            op.get_bind().scalar(sa.text("SELECT current_user")),
        )
        return
    for role in missing:
        op.execute(f"CREATE ROLE {role} NOLOGIN")
    _grant()


def downgrade() -> None:
    if not _is_postgresql():
        return
    for name in ROWS:
        op.execute(f"ALTER TABLE {name} OWNER TO CURRENT_USER")
    for role in (WRITER, READER):
        if _exists(role):
            op.execute(f"REVOKE ALL ON {', '.join((*ROWS, *CATALOGUE, VERSION))} FROM {role}")
            op.execute(f"REVOKE ALL ON SCHEMA {_schema()} FROM {role}")


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _exists(role: str) -> bool:
    found = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    return op.get_bind().scalar(found, {"role": role}) is not None


def _may_create_roles() -> bool:
    mine = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
    return bool(op.get_bind().scalar(sa.text(mine)))


def _is_writer() -> bool:
    member = sa.text("SELECT pg_has_role(current_user, :role, 'MEMBER')")
    return bool(op.get_bind().scalar(member, {"role": WRITER}))


def _schema() -> str:
    return str(op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())")))


def _grant() -> None:
    if not _is_writer():
        op.execute(f"GRANT {WRITER} TO CURRENT_USER")  # only a member may hand tables over
    op.execute(f"GRANT USAGE, CREATE ON SCHEMA {_schema()} TO {WRITER}")
    op.execute(f"GRANT USAGE ON SCHEMA {_schema()} TO {READER}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(CATALOGUE)} TO {WRITER}")
    op.execute(f"GRANT SELECT ON {VERSION} TO {WRITER}")
    for name in ROWS:
        op.execute(f"ALTER TABLE {name} OWNER TO {WRITER}")
    op.execute(f"GRANT SELECT ON {', '.join((*ROWS, *CATALOGUE, VERSION))} TO {READER}")
