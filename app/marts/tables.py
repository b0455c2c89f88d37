"""SQLAlchemy tables of the marts and dimensions, derived from ``definitions``.

Every table carries ``run``, the run's number in the catalogue, as the first column of its primary key: old
runs stay beside the published one. Every warehouse has them. What only the API reads is in SQLite files
alone, where it is worked out when a run is loaded: search keys, leaders, rankings, search indexes.
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
    TableClause,
    Text,
    column,
    event,
    table,
)
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.database_types import SortedText
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


#: The column of a dimension that searches look at.
SEARCH_KEY = "search_key"


def _run_column() -> Column[int]:
    return Column("run", Integer, ForeignKey("run.seq"), primary_key=True, autoincrement=False)


def _key_column(dimension: Dimension) -> Column[Any]:
    return Column(dimension.key, _key_type(dimension), primary_key=True, autoincrement=False)


def _key_type(dimension: Dimension) -> TypeEngine[Any]:
    if dimension.key_type == "text":
        return SortedText
    return SmallInteger() if dimension is YEAR else BigInteger()


def _measure_column(measure: Measure) -> Column[Any]:
    kind: TypeEngine[Any] = Scaled(measure.scale) if measure.scale else BigInteger()
    return Column(measure.name, kind, nullable=measure.nullable)


def _mart_table(mart: Mart) -> Table:
    made = Table(
        f"mart_{mart.name}",
        metadata,
        _run_column(),
        *(_key_column(dimension) for dimension in mart.dimensions),
        *(_measure_column(measure) for measure in MEASURES),
        sqlite_with_rowid=False,
    )
    for dimension in mart.dimensions[1:]:
        Index(None, made.c.run, made.c[dimension.key])
    return made


def _dimension_table(dimension: Dimension) -> Table:
    slug = [Column("slug", SortedText, nullable=False)] if dimension.slug else []
    made = Table(
        f"dim_{dimension.name}",
        metadata,
        _run_column(),
        Column("id", BigInteger, primary_key=True, autoincrement=False),
        Column("name", SortedText, nullable=False),
        *slug,
        Column(SEARCH_KEY, Text, nullable=False),
        sqlite_with_rowid=False,
    )
    Index(None, made.c.run, made.c.name)
    return made


def rank_column(measure: Measure) -> str:
    """Name the column of a ranking that holds the ranks by a measure."""
    return f"{measure.name}_rank"


def leader_column(measure: Measure, dimension: Dimension) -> str:
    """Name the column that holds the keys of the members that lead by a measure."""
    return f"{measure.name}_{dimension.key}"


def _ranking_table(mart: Mart) -> Table:
    (member,) = (dimension for dimension in mart.dimensions if dimension is not YEAR)
    return Table(
        f"ranking_{mart.name}",
        metadata,
        _run_column(),
        _key_column(YEAR),
        Column("position", SmallInteger, primary_key=True, autoincrement=False),
        *(Column(rank_column(measure), SmallInteger) for measure in MEASURES),
        *(Column(leader_column(measure, member), _key_type(member), nullable=False) for measure in MEASURES),
        sqlite_with_rowid=False,
    )


MART_TABLES: dict[str, Table] = {mart.name: _mart_table(mart) for mart in MARTS}
DIMENSION_TABLES: dict[str, Table] = {dimension.name: _dimension_table(dimension) for dimension in ENTITIES}

#: Rows that lead: those of the longest ranking, and one more that tells whether a page is cut.
LEADERS = 101

#: In each year, a row is a position; per measure it has the key of the member that is there when sorted by
#: the measure, the greatest first, then by key, and its rank: ties share it, a null has none.
RANKING_TABLES: dict[str, Table] = {mart.name: _ranking_table(mart) for mart in MARTS if mart.ranked}

#: The first rows of large slices by each measure, both ways: no question for them has to look at every row.
#: ``slice``: a JSON array of what the dimensions behind the first are fixed to, null where to nothing.
#: ``sort``: a measure, ``-`` before it downwards; or empty, where ``keys`` has every row of the slice.
#: ``keys``: a JSON array with an array per dimension that is not fixed: its keys in that order, then by key.
LEADER_TABLE = Table(
    "leader",
    metadata,
    _run_column(),
    *(Column(name, Text, primary_key=True) for name in ("mart", "slice", "sort")),
    Column("keys", Text, nullable=False),
)

#: Full-text indexes of the search keys of members: SQLite finds parts of three characters and more in them.
#: The number of a row is ``run * SEARCHED`` and its position among the ids of the run.
SEARCHED = 2**32
SEARCH_TABLES: dict[str, TableClause] = {
    dimension.name: table(
        f"search_{dimension.name}", *(column(name) for name in ("rowid", "search_key", "run", "id"))
    )
    for dimension in ENTITIES
}


@event.listens_for(metadata, "after_create")
def _create_search(_: MetaData, connection: Connection, **__: Any) -> None:
    if connection.dialect.name == "sqlite":
        for index in SEARCH_TABLES.values():
            connection.exec_driver_sql(
                f"CREATE VIRTUAL TABLE IF NOT EXISTS {index.name} USING fts5("
                "search_key, run UNINDEXED, id UNINDEXED, tokenize='trigram case_sensitive 1', columnsize=0)"
            )


#: Every table of a run, marts first, under the names the contract uses.
RUN_TABLES: dict[str, Table] = {**MART_TABLES, **DIMENSION_TABLES}


def landed_columns(table: Table) -> list[Column[Any]]:
    """Return the columns of a mart or dimension that every warehouse has: ``run``, then those that land."""
    return [column for column in table.columns if column.name != SEARCH_KEY]


#: Every table that holds rows of runs.
ALL_TABLES: tuple[TableClause, ...] = (
    *RUN_TABLES.values(),
    LEADER_TABLE,
    *RANKING_TABLES.values(),
    *SEARCH_TABLES.values(),
)
