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
        _fill_leaders(mart, keys)
    for mart, member in RANKED.items():
        _create(f"ranking_{mart}", ("run", "year", "position"), ("rank",), (member,))
        _fill_ranking(mart, member)


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


def _fill_leaders(mart: str, keys: tuple[str, ...]) -> None:
    """Ask run by run: the first rows of an order are found without sorting the others."""
    table = _mart(mart, *keys)
    rows: dict[tuple[int, ...], dict[str, Any]] = {}
    runs = sa.select(sa.table("run", sa.column("seq", sa.Integer)).c.seq)
    for run in op.get_bind().execute(runs).scalars():
        for measure in MEASURES:
            order = [table.c[measure].desc().nulls_last(), *(table.c[key] for key in keys)]
            first = sa.select(*(table.c[key] for key in keys)).where(table.c.run == run).order_by(*order)
            for place, found in enumerate(op.get_bind().execute(first.limit(LEADERS)).mappings()):
                row = rows.setdefault((run, place), {"run": run, "position": place + 1})
                row.update({f"{measure}_{key}": found[key] for key in keys})
    _insert(f"leader_{mart}", list(rows.values()))


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
