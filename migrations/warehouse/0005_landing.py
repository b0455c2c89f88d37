"""What warehouses need that read landed files themselves: a lock for writers, and in Snowflake the way in.

A migration of Snowflake is no transaction: done again after a failure, it passes over what is there.
"""

import sqlalchemy as sa
from alembic import op

from app.errors import ConfigurationError

revision = "warehouse_0005"
down_revision = "warehouse_0004"
branch_labels = None
depends_on = None

_MEASURES = {
    "releases": "BIGINT",
    "budget": "BIGINT",
    "budget_known": "BIGINT",
    "revenue": "BIGINT",
    "revenue_known": "BIGINT",
    "profit": "BIGINT",
    "profit_known": "BIGINT",
    "popularity": "NUMBER(19, 6)",
    "popularity_known": "BIGINT",
    "avg_popularity": "NUMBER(19, 6)",
}
#: The columns of the landed files, in their order.
FILES = {
    "year": {"year": "INTEGER", **_MEASURES},
    "genre_year": {"genre_id": "BIGINT", "year": "INTEGER", **_MEASURES},
    "company_year": {"company_id": "BIGINT", "year": "INTEGER", **_MEASURES},
    "company_genre_year": {"company_id": "BIGINT", "genre_id": "BIGINT", "year": "INTEGER", **_MEASURES},
    "genre": {"id": "BIGINT", "name": "TEXT", "slug": "TEXT"},
    "production_company": {"id": "BIGINT", "name": "TEXT"},
}


def _dialect() -> str:
    return op.get_bind().dialect.name


def upgrade() -> None:
    if _dialect() == "redshift":
        op.create_table("writer", sa.Column("since", sa.DateTime))
    elif _dialect() == "snowflake":
        _create_snowflake(*_place())


def downgrade() -> None:
    if _dialect() == "redshift":
        op.drop_table("writer")
    elif _dialect() == "snowflake":
        for name in FILES:
            op.execute(f"DROP PIPE IF EXISTS ingest_{name}")
            op.execute(f"DROP TABLE IF EXISTS landing_{name}")
        for kind, name in (("STAGE", "landed"), ("FILE FORMAT", "landed_parquet"), ("TABLE", "writer")):
            op.execute(f"DROP {kind} IF EXISTS {name}")


def _place() -> tuple[str, str]:
    """Return where runs land and the integration that may read there, as the engine was told."""
    options = op.get_bind().get_execution_options()
    integration = options["storage_integration"]
    if integration is None:
        raise ConfigurationError(
            "Snowflake has no storage integration to read landed files with",
            "set APP_SNOWFLAKE_STORAGE_INTEGRATION; docs/warehouses.md says how to create one",
        )
    return options["stage_url"], integration


def _create_snowflake(url: str, integration: str) -> None:
    # A writer changes its one row first, and the next one waits for that to be committed.
    op.execute("CREATE TABLE IF NOT EXISTS writer (since TIMESTAMP_LTZ NOT NULL)")
    op.execute("INSERT INTO writer SELECT CURRENT_TIMESTAMP() WHERE NOT EXISTS (SELECT 1 FROM writer)")
    op.execute("CREATE FILE FORMAT IF NOT EXISTS landed_parquet TYPE = PARQUET")
    op.execute(
        f"CREATE STAGE IF NOT EXISTS landed URL = '{_quoted(url.rstrip('/'))}/'"
        f' STORAGE_INTEGRATION = "{_identifier(integration)}"'
    )
    for name, columns in FILES.items():
        _create_landing(name, columns)
        _create_pipe(name, columns)


def _create_landing(name: str, columns: dict[str, str]) -> None:
    """Rows that come again from the object store need no copies for a disaster: the table is transient."""
    described = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    op.execute(
        f"CREATE TRANSIENT TABLE IF NOT EXISTS landing_{name} (run_id VARCHAR(64) NOT NULL,"
        f" way VARCHAR(4) NOT NULL, {described})"
    )


def _create_pipe(name: str, columns: dict[str, str]) -> None:
    """The run of a row is the folder below runs/; there a table is a file, or a folder of parts."""
    values = ", ".join(f"$1:{column}::{kind}" for column, kind in columns.items())
    run_id = "SPLIT_PART(SPLIT_PART(METADATA$FILENAME, 'runs/', -1), '/', 1)"
    pattern = f".*/{name}[.]parquet(/part-[0-9]+[.]parquet)?"
    # Given as it is: a colon would else begin a parameter.
    op.get_bind().exec_driver_sql(
        f"CREATE PIPE IF NOT EXISTS ingest_{name} AUTO_INGEST = TRUE AS"  # noqa: S608 - names of our own
        f" COPY INTO landing_{name} (run_id, way, {', '.join(columns)})"
        f" FROM (SELECT {run_id}, 'pipe', {values} FROM @landed/runs/)"
        f" PATTERN = '{pattern}' FILE_FORMAT = (FORMAT_NAME = 'landed_parquet')"
    )


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _identifier(name: str) -> str:
    return name.upper().replace('"', '""')
