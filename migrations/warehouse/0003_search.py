"""Full-text indexes of the members of each run, in SQLite files alone: only the API searches."""

from alembic import op

revision = "warehouse_0003"
down_revision = "warehouse_0002"
branch_labels = None
depends_on = None

DIMENSIONS = ("genre", "production_company")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def upgrade() -> None:
    for name in DIMENSIONS if _is_sqlite() else ():
        op.execute(
            f"CREATE VIRTUAL TABLE search_{name} USING fts5("
            "search_key, run UNINDEXED, id UNINDEXED, tokenize='trigram case_sensitive 1', columnsize=0)"
        )
        op.execute(
            f"INSERT INTO search_{name} (rowid, search_key, run, id) "  # noqa: S608 - names of our own
            "SELECT run * 4294967296 + row_number() OVER (PARTITION BY run ORDER BY id), search_key, run, id "
            f"FROM dim_{name} ORDER BY run, id"
        )


def downgrade() -> None:
    for name in DIMENSIONS if _is_sqlite() else ():
        op.execute(f"DROP TABLE search_{name}")
