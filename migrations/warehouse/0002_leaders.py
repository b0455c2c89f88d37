"""The rows of each mart that lead by each measure, for runs that are loaded already, too."""

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
#: The keys of the marts, in the order in which ties go.
MARTS = {
    "genre_year": ("genre_id", "year"),
    "company_year": ("company_id", "year"),
    "company_genre_year": ("company_id", "genre_id", "year"),
}
RANKED = {"genre_year": "genre_id", "company_year": "company_id"}


def upgrade() -> None:
    for mart, keys in MARTS.items():
        _create(f"leader_{mart}", ("run", "position"), (), keys)
        _fill(f"leader_{mart}", mart, ("run",), (), keys)
    for mart, member in RANKED.items():
        _create(f"ranking_{mart}", ("run", "year", "position"), ("rank",), (member,))
        _fill(f"ranking_{mart}", mart, ("run", "year"), ("rank",), (member,))


def downgrade() -> None:
    for table in (*(f"ranking_{mart}" for mart in RANKED), *(f"leader_{mart}" for mart in MARTS)):
        op.drop_table(table)


def _create(name: str, place: tuple[str, ...], ranks: tuple[str, ...], keys: tuple[str, ...]) -> None:
    op.create_table(
        name,
        *(sa.Column(column, _type(column), nullable=False, autoincrement=False) for column in place),
        *(sa.Column(f"{measure}_{rank}", sa.SmallInteger) for measure in MEASURES for rank in ranks),
        *(sa.Column(f"{measure}_{key}", _type(key), nullable=False) for measure in MEASURES for key in keys),
        sa.PrimaryKeyConstraint(*place, name=f"pk_{name}"),
        sa.ForeignKeyConstraint(["run"], ["run.seq"], name=f"fk_{name}_run"),
        sqlite_with_rowid=False,
    )


def _type(column: str) -> Any:
    small: dict[str, Any] = {"run": sa.Integer, "year": sa.SmallInteger, "position": sa.SmallInteger}
    return small.get(column, sa.BigInteger)


def _fill(
    name: str, mart: str, group: tuple[str, ...], ranks: tuple[str, ...], keys: tuple[str, ...]
) -> None:
    rows: dict[tuple[int, ...], dict[str, Any]] = {}
    for measure in MEASURES:
        for found in op.get_bind().execute(_leaders(mart, measure, group, ranks, keys)).mappings():
            place = {column: found[column] for column in (*group, "position")}
            values = {f"{measure}_{column}": found[f"of_{column}"] for column in (*ranks, *keys)}
            rows.setdefault(tuple(place.values()), place).update(values)
    if rows:
        columns: list[sa.ColumnClause[Any]] = [sa.column(column) for column in next(iter(rows.values()))]
        op.bulk_insert(sa.table(name, *columns), list(rows.values()))


def _leaders(
    mart: str, measure: str, group: tuple[str, ...], ranks: tuple[str, ...], keys: tuple[str, ...]
) -> sa.Select[Any]:
    table = sa.table(f"mart_{mart}", *(sa.column(name) for name in {*group, *keys, measure}))
    value = table.c[measure]
    within = [table.c[column] for column in group]
    down = value.desc().nulls_last()
    rank = sa.func.rank().over(partition_by=within, order_by=down)
    placed = sa.select(
        *within,
        *(sa.case((value.is_not(None), rank)).label(f"of_{column}") for column in ranks),
        *(table.c[key].label(f"of_{key}") for key in keys),
        sa.func.row_number()
        .over(partition_by=within, order_by=[down, *(table.c[key] for key in keys)])
        .label("position"),
    ).subquery()
    return sa.select(placed).where(placed.c.position <= LEADERS)
