"""SQLAlchemy tables of the marts and dimensions, derived from ``definitions``.

Every table carries ``run``, the run's number in the catalogue, as the first column of its primary key: old
runs stay beside the published one. Only the search key of a dimension is added to what the contract names.
"""

from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.marts.definitions import ENTITIES, MARTS, MEASURES, YEAR, Dimension, Mart, Measure

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


class Scaled(TypeDecorator[int]):
    """An exact decimal, in Python an integer number of ``10 ** -scale``.

    SQLite has no exact decimal, so it stores that integer; every other warehouse stores NUMERIC(19, scale),
    which people can query as the number that it means.
    """

    impl = BigInteger
    cache_ok = True

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the stored type of a dialect."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(Numeric(19, self.scale))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """Turn the integer into what the dialect stores."""
        if value is None or dialect.name == "sqlite":
            return value
        return Decimal(value).scaleb(-self.scale)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """Turn what the dialect stores into the integer."""
        if value is None or dialect.name == "sqlite":
            return None if value is None else int(value)
        return int(value.scaleb(self.scale))


def _run_column() -> Column[int]:
    return Column("run", Integer, ForeignKey("run.seq"), primary_key=True, autoincrement=False)


def _key_column(dimension: Dimension) -> Column[Any]:
    if dimension.key_type == "text":
        return Column(dimension.key, Text, primary_key=True)
    kind = SmallInteger if dimension is YEAR else BigInteger
    return Column(dimension.key, kind, primary_key=True, autoincrement=False)


def _measure_column(measure: Measure) -> Column[Any]:
    kind: TypeEngine[Any] = Scaled(measure.scale) if measure.scale else BigInteger()
    return Column(measure.name, kind, nullable=measure.nullable)


def _mart_table(mart: Mart) -> Table:
    table = Table(
        f"mart_{mart.name}",
        metadata,
        _run_column(),
        *(_key_column(dimension) for dimension in mart.dimensions),
        *(_measure_column(measure) for measure in MEASURES),
        sqlite_with_rowid=False,
    )
    for dimension in mart.dimensions[1:]:
        Index(None, table.c.run, table.c[dimension.key])
    return table


def _dimension_table(dimension: Dimension) -> Table:
    slug = [Column("slug", Text, nullable=False)] if dimension.slug else []
    table = Table(
        f"dim_{dimension.name}",
        metadata,
        _run_column(),
        Column("id", BigInteger, primary_key=True, autoincrement=False),
        Column("name", Text, nullable=False),
        *slug,
        Column("search_key", Text, nullable=False),
        sqlite_with_rowid=False,
    )
    Index(None, table.c.run, table.c.name)
    return table


MART_TABLES: dict[str, Table] = {mart.name: _mart_table(mart) for mart in MARTS}
DIMENSION_TABLES: dict[str, Table] = {dimension.name: _dimension_table(dimension) for dimension in ENTITIES}

#: Every table of a run, marts first, under the names the contract uses.
RUN_TABLES: dict[str, Table] = {**MART_TABLES, **DIMENSION_TABLES}
