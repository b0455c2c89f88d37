"""Marts, dimensions and the run catalogue.

Only a SQLite file, which the API reads, has search keys, and only there rows have foreign keys. On PostgreSQL
marts and dimensions are partitioned by run. Redshift and Snowflake have no indexes and enforce no keys;
Redshift is told where rows go. In Snowflake each statement is a transaction: done again, it passes over what
is there.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.sql import quoted_name

from app.database_types import Document, LongText, SortedText, UtcTime
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
DIMENSIONS = {"dim_genre": ("slug",), "dim_production_company": ()}
#: How rows of runs are stored, each dialect by its own words.
STORED: dict[str, Any] = {"sqlite_with_rowid": False, "postgresql_partition_by": "LIST (run)"}
#: Rows of a company stay together, also with its name; what is small is on every node.
BY_COMPANY = {
    "mart_company_year": "company_id",
    "mart_company_genre_year": "company_id",
    "dim_production_company": "id",
}


def _dialect() -> str:
    return op.get_bind().dialect.name


def _is_sqlite() -> bool:
    return _dialect() == "sqlite"


def _enforces_keys() -> bool:
    return _dialect() not in {"redshift", "snowflake"}


def _stored(name: str, key: tuple[str, ...]) -> dict[str, Any]:
    if _dialect() != "redshift":  # whose dialect would have to be installed for its words to be known
        return STORED
    by = BY_COMPANY.get(name)
    spread = {"redshift_diststyle": "KEY", "redshift_distkey": by} if by else {"redshift_diststyle": "ALL"}
    return {**spread, "redshift_sortkey": ("run", *sorted(key, key=lambda column: column != "year"))}


def _create_table(name: str, *parts: Any, **options: Any) -> None:
    op.create_table(name, *parts, **options, if_not_exists=True if _dialect() == "snowflake" else None)


def _create_index(name: str, *columns: str) -> None:
    if _enforces_keys():
        op.create_index(f"ix_{name}_{'_'.join(columns)}", name, list(columns))


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
    _create_table(
        "run",
        _number(),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", LongText),
        sa.Column("as_of", sa.String(10)),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("published_at", UtcTime),
        sa.Column("pruned_at", UtcTime),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("accepted", sa.Integer, nullable=False),
        sa.Column("rejects", Document, nullable=False),
        sa.Column("without", Document, nullable=False),
        sa.Column("tables", Document, nullable=False),
        sa.Column("files", Document, nullable=False),
        sa.Column("options", Document, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("engine", sa.String(16), nullable=False),
        sa.Column("location", LongText),
        sa.PrimaryKeyConstraint("seq", name="pk_run"),
        *([sa.UniqueConstraint("run_id", name="uq_run_run_id")] if _enforces_keys() else []),
    )
    _create_table(
        "publication",
        _number(),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("parent", sa.Integer),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column(quoted_name("at", True), UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_publication"),
        *_references("publication", run="run.seq", parent="publication.seq"),
        sqlite_autoincrement=True,
    )
    _create_table(
        "run_lock",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("location", LongText, nullable=False),
        sa.Column("machine", LongText, nullable=False),
        sa.Column("process", LongText, nullable=False),
        sa.Column("acquired_at", UtcTime, nullable=False),
        sa.Column("heartbeat_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_run_lock"),
    )


def _references(name: str, **columns: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [target], name=f"fk_{name}_{column}")
        for column, target in columns.items()
        if _enforces_keys()
    ]


def _run_exists(name: str) -> list[sa.ForeignKeyConstraint]:
    return _references(name, run="run.seq") if _is_sqlite() else []


def _create_mart(name: str, key: tuple[str, ...]) -> None:
    _create_table(
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
        **_stored(name, key),
    )
    for column in key[1:]:
        _create_index(name, "run", column)


def _create_dimension(name: str, extra: tuple[str, ...]) -> None:
    _create_table(
        name,
        sa.Column("run", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("id", sa.BigInteger, nullable=False, autoincrement=False),
        *(sa.Column(column, SortedText, nullable=False) for column in ("name", *extra)),
        *([sa.Column("search_key", LongText, nullable=False)] if _is_sqlite() else []),
        sa.PrimaryKeyConstraint("run", "id", name=f"pk_{name}"),
        *_run_exists(name),
        **_stored(name, ("id",)),
    )
    _create_index(name, "run", "name")
