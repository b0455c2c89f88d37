"""The four group-bys by hand, in DuckDB: by_duckdb.py FILE FOLDER

One pass, no validation, no rejects, no dimensions, nothing loaded: broken rows are dropped, sums are floats.
DuckDB reads list cells by itself, as text of its own nested types; grouped by id.
"""

import sys
from pathlib import Path

import duckdb

MARTS = {
    "year": "year",
    "genre_year": "genre, year",
    "company_year": "company, year",
    "company_genre_year": "company, genre, year",
}
ITEMS = "STRUCT(id BIGINT, name VARCHAR)[]"


def ids(column: str) -> str:
    """Return the expression for the distinct ids in a list cell."""
    return f"list_distinct(list_transform(TRY_CAST({column} AS {ITEMS}), lambda item: item.id))"


#: A table keeps the order of the file in ``rowid``: the last row of an id is the movie.
MOVIES = f"""
    CREATE TEMP TABLE movie AS
    SELECT TRY_CAST(id AS BIGINT) AS id, year(TRY_CAST(release_date AS DATE)) AS year,
           nullif(TRY_CAST(budget AS DOUBLE), 0) AS budget, nullif(TRY_CAST(revenue AS DOUBLE), 0) AS revenue,
           TRY_CAST(popularity AS DOUBLE) AS popularity,
           {ids("genres")} AS genre, {ids("production_companies")} AS company
    FROM read_csv(?, header = true, all_varchar = true, quote = '"', escape = '"', ignore_errors = true)
    WHERE TRY_CAST(id AS BIGINT) IS NOT NULL AND TRY_CAST(release_date AS DATE) IS NOT NULL
"""  # noqa: S608 - names of this file


def statement(key: str) -> str:
    """Return the group-by of a mart; its lists are unnested one after the other."""
    rows = "(SELECT * FROM movie QUALIFY row_number() OVER (PARTITION BY id ORDER BY rowid DESC) = 1)"
    for column in key.split(", ")[:-1]:
        rows = f"(SELECT * REPLACE (unnest({column}) AS {column}) FROM {rows})"  # noqa: S608 - names of this file
    return f"""
        SELECT {key}, count(*) AS releases, sum(budget) AS budget, sum(revenue) AS revenue,
               sum(popularity) AS popularity, sum(revenue - budget) AS profit
        FROM {rows} GROUP BY {key}
    """  # noqa: S608 - names of this file


def main(file: str, folder: str) -> None:
    """Write the marts as Parquet below a folder."""
    with duckdb.connect() as database:
        database.execute(MOVIES, [file])
        for mart, key in MARTS.items():
            out = Path(folder, f"{mart}.parquet").as_posix()
            database.execute(f"COPY ({statement(key)}) TO '{out}' (FORMAT parquet)")


if __name__ == "__main__":
    main(*sys.argv[1:])
