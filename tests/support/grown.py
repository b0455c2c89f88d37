"""The program with one more dimension: a plain text one, declared before anything derives from the marts.

Run as a script with a folder; prints what the API answers as one JSON document.
"""

import json
import sys
from pathlib import Path
from typing import Any

from app.marts import definitions
from app.marts.definitions import YEAR, Dimension, Filter, Mart

LANGUAGE = Dimension(
    name="language",
    source="original_language",
    key="language",
    key_type="text",
    filters=(Filter("language", ("key",), "Original language, ISO 639-1. Repeatable."),),
)
MART = Mart("language_year", (LANGUAGE, YEAR), "languages", "Measures per original language and year.")
ROWS = [
    ("en", 1995, 300),
    ("en", 1996, 100),
    ("fr", 1995, 300),
    ("de", 1995, 5),
    ("xx'", 1996, 100),
    ("", 1997, 1),
]


def grow() -> None:
    """Add the dimension and its mart to the declarations."""
    definitions.DIMENSIONS = (*definitions.DIMENSIONS, LANGUAGE)  # type: ignore[assignment] # one longer
    definitions.MARTS = (*definitions.MARTS, MART)  # type: ignore[assignment] # one longer


def answers(home: Path) -> dict[str, Any]:
    """Ask the grown program."""
    import polars as pl
    from sqlalchemy import insert

    from app.database import open_engine, transaction
    from app.main import close, create_app
    from app.marts.tables import MART_TABLES, metadata
    from app.settings import Settings
    from app.warehouse.load import load_leaders
    from tests.support.http import authorized
    from tests.support.movies import measures
    from tests.support.world import World

    settings = Settings(home=home, access_log="off", _env_file=None)
    app = create_app(settings)
    engine = open_engine(settings.warehouse)
    metadata.create_all(engine)
    world = World(engine)
    world.add("run", ())
    with transaction(engine) as connection:
        rows = []
        for language, year, revenue in ROWS:
            key = {"run": 1, "language": language, "year": year}
            values = {**measures(()), "revenue": revenue, "popularity": revenue, "popularity_known": 2}
            rows.append({**key, **values})
        connection.execute(insert(MART_TABLES["language_year"]), rows)
        load_leaders(connection, 1, MART, pl.LazyFrame(rows))
    world.publish("run")
    api = authorized(app)
    chosen: dict[str, Any] = {"fields": "language,year,revenue"}
    found = {
        "all": api.rows("/v1/aggregates/languages", **chosen),
        "filtered": api.rows("/v1/aggregates/languages", **chosen, language=["fr", "xx'"]),
        "pages": api.walk("/v1/aggregates/languages", sort="-language", limit=1, **chosen),
        "rollup": api.rows(
            "/v1/aggregates/languages", rollup="years", fields="language,revenue,avg_popularity"
        ),
        "ranking": api.rows("/v1/rankings/languages", metric="revenue", fields="year,rank,language"),
        "ties": api.rows(
            "/v1/rankings/languages", metric="revenue", top=2, year=1995, fields="rank,language"
        ),
        "changes": api.rows("/v1/runs/run/changes", since="run", mart="language_year"),
        "additive": api.get("/v1/aggregates/languages").json()["meta"]["additive"],
        "documented": sorted(
            path for path in api.get("/openapi.json").json()["paths"] if "languages" in path
        ),
        "unknown": api.get("/v1/dimensions/languages").status_code,
    }
    api.runner.close()
    close(app)
    return found


if __name__ == "__main__":
    grow()
    print(json.dumps(answers(Path(sys.argv[1]))))  # noqa: T201 - what the test reads
