"""Marts, dimensions and the run catalogue.

Only a SQLite file, which the API reads, has search keys, and only there rows have foreign keys. On PostgreSQL
marts and dimensions are partitioned by run.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.database_types import UtcTime
from app.marts.tables import Scaled

revision = "warehouse_0001"
down_revision = None
branch_labels = None
depends_on = None

MEASURES = (
    ("releases", sa.BigInteger(), False),
    ("budget", sa.BigInteger(), False),
    ("budget_known", sa.BigInteger(), False),
    ("revenue", sa.BigInteger(), False),
    ("revenue_known", sa.BigInteger(), False),
    ("profit", sa.BigInteger(), False),
    ("profit_known", sa.BigInteger(), False),
    ("popularity", Scaled(6), False),
    ("popularity_known", sa.BigInteger(), False),
    ("avg_popularity", Scaled(6), True),
)
MARTS = {
    "mart_year": ("year",),
    "mart_genre_year": ("genre_id", "year"),
    "mart_company_year": ("company_id", "year"),
    "mart_company_genre_year": ("company_id", "genre_id", "year"),
}
#: Names sort by code point, whatever the language of a database.
NAMES = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
DIMENSIONS = {"dim_genre": ("slug",), "dim_production_company": ()}
#: How rows of runs are stored, each dialect by its own words.
STORED: dict[str, Any] = {"sqlite_with_rowid": False, "postgresql_partition_by": "LIST (run)"}


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def upgrade() -> None:
    _create_catalogue()
    for name, key in MARTS.items():
        _create_mart(name, key)
    for name, extra in DIMENSIONS.items():
        _create_dimension(name, extra)


def downgrade() -> None:
    for name in (*DIMENSIONS, *MARTS, "run_lock", "publication", "run"):
        op.drop_table(name)


def _number() -> sa.Column[int]:
    """Return the column that SQLite numbers by itself, and the program everywhere else."""
    return sa.Column("seq", sa.Integer, nullable=False, autoincrement="auto" if _is_sqlite() else False)


def _create_catalogue() -> None:
    op.create_table(
        "run",
        _number(),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("as_of", sa.String(10)),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("published_at", UtcTime),
        sa.Column("pruned_at", UtcTime),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("accepted", sa.Integer, nullable=False),
        sa.Column("rejects", sa.JSON, nullable=False),
        sa.Column("without", sa.JSON, nullable=False),
        sa.Column("tables", sa.JSON, nullable=False),
        sa.Column("files", sa.JSON, nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("engine", sa.String(16), nullable=False),
        sa.Column("location", sa.Text),
        sa.PrimaryKeyConstraint("seq", name="pk_run"),
        sa.UniqueConstraint("run_id", name="uq_run_run_id"),
    )
    op.create_table(
        "publication",
        _number(),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("parent", sa.Integer),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_publication"),
        sa.ForeignKeyConstraint(["run"], ["run.seq"], name="fk_publication_run"),
        sa.ForeignKeyConstraint(["parent"], ["publication.seq"], name="fk_publication_parent"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "run_lock",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("process", sa.Text, nullable=False),
        sa.Column("acquired_at", UtcTime, nullable=False),
        sa.Column("heartbeat_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_run_lock"),
    )


def _run_exists(name: str) -> list[sa.ForeignKeyConstraint]:
    return [sa.ForeignKeyConstraint(["run"], ["run.seq"], name=f"fk_{name}_run")] if _is_sqlite() else []


def _create_mart(name: str, key: tuple[str, ...]) -> None:
    op.create_table(
        name,
        sa.Column("run", sa.Integer, nullable=False, autoincrement=False),
        *(
            sa.Column(
                column,
                sa.SmallInteger if column == "year" else sa.BigInteger,
                nullable=False,
                autoincrement=False,
            )
            for column in key
        ),
        *(sa.Column(measure, kind, nullable=nullable) for measure, kind, nullable in MEASURES),
        sa.PrimaryKeyConstraint("run", *key, name=f"pk_{name}"),
        *_run_exists(name),
        **STORED,
    )
    for column in key[1:]:
        op.create_index(f"ix_{name}_run_{column}", name, ["run", column])


def _create_dimension(name: str, extra: tuple[str, ...]) -> None:
    op.create_table(
        name,
        sa.Column("run", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("id", sa.BigInteger, nullable=False, autoincrement=False),
        *(sa.Column(column, NAMES, nullable=False) for column in ("name", *extra)),
        *([sa.Column("search_key", sa.Text, nullable=False)] if _is_sqlite() else []),
        sa.PrimaryKeyConstraint("run", "id", name=f"pk_{name}"),
        *_run_exists(name),
        **STORED,
    )
    op.create_index(f"ix_{name}_run_name", name, ["run", "name"])
