"""The rows of each mart that lead by each measure.

Rankings need them of runs that are loaded already, too. Listings of such runs do without. Only the API reads
them: they are in SQLite files alone.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "warehouse_0002"
down_revision = "warehouse_0001"
branch_labels = None
depends_on = None

LEADERS = 101
MEASURES = (
    "releases",
    "budget",
    "budget_known",
    "revenue",
    "revenue_known",
    "profit",
    "profit_known",
    "popularity",
    "popularity_known",
    "avg_popularity",
)
RANKED = {"genre_year": "genre_id", "company_year": "company_id"}


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def upgrade() -> None:
    if not _is_sqlite():
        return
    op.create_table(
        "leader",
        sa.Column("run", sa.Integer, nullable=False, autoincrement=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("mart", "slice", "sort", "keys")),
        sa.PrimaryKeyConstraint("run", "mart", "slice", "sort", name="pk_leader"),
        sa.ForeignKeyConstraint(["run"], ["run.seq"], name="fk_leader_run"),
    )
    for mart, member in RANKED.items():
        _create_ranking(mart, member)
        _fill_ranking(mart, member)


def downgrade() -> None:
    if not _is_sqlite():
        return
    for table in (*(f"ranking_{mart}" for mart in RANKED), "leader"):
        op.drop_table(table)


def _create_ranking(mart: str, member: str) -> None:
    name, place = f"ranking_{mart}", ("run", "year", "position")
    op.create_table(
        name,
        *(sa.Column(column, _type(column), nullable=False, autoincrement=False) for column in place),
        *(sa.Column(f"{measure}_rank", sa.SmallInteger) for measure in MEASURES),
        *(sa.Column(f"{measure}_{member}", sa.BigInteger, nullable=False) for measure in MEASURES),
        sa.PrimaryKeyConstraint(*place, name=f"pk_{name}"),
        sa.ForeignKeyConstraint(["run"], ["run.seq"], name=f"fk_{name}_run"),
        sqlite_with_rowid=False,
    )


def _type(column: str) -> Any:
    return sa.Integer if column == "run" else sa.SmallInteger


def _fill_ranking(mart: str, member: str) -> None:
    table = _mart(mart, "year", member)
    within = [table.c.run, table.c.year]
    rows: dict[tuple[int, ...], dict[str, Any]] = {}
    for measure in MEASURES:
        value, key = table.c[measure], table.c[member]
        down = value.desc().nulls_last()
        rank = sa.func.rank().over(partition_by=within, order_by=down)
        position = sa.func.row_number().over(partition_by=within, order_by=[down, key]).label("position")
        known = sa.case((value.is_not(None), rank)).label("rank")
        placed = sa.select(*within, position, known, key.label("member")).subquery()
        first = sa.select(placed).where(placed.c.position <= LEADERS)
        for found in op.get_bind().execute(first).mappings():
            place = {name: found[name] for name in ("run", "year", "position")}
            row = rows.setdefault(tuple(place.values()), place)
            row.update({f"{measure}_rank": found["rank"], f"{measure}_{member}": found["member"]})
    _insert(f"ranking_{mart}", list(rows.values()))


def _mart(name: str, *keys: str) -> sa.TableClause:
    return sa.table(f"mart_{name}", *(sa.column(column) for column in ("run", *keys, *MEASURES)))


def _insert(name: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        columns: list[sa.ColumnClause[Any]] = [sa.column(column) for column in rows[0]]
        op.bulk_insert(sa.table(name, *columns), rows)
