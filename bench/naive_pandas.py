"""What an analyst would write for the two reports alone: naive_pandas.py {apply|vectorised} FILE DATABASE

One pass with pandas: lists by ``ast.literal_eval``, grouping by names, both tables to SQLite. No rejects
kept, no marts by id, no history, no checks; broken rows are dropped. ``apply`` sums up each group in a
function, the way most people first write it; ``vectorised`` is the same by somebody who knows pandas well.
"""

import ast
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from typing import Any

import pandas as pd

COLUMNS = ["id", "title", "release_date", "budget", "revenue", "popularity", "genres", "production_companies"]
AMOUNTS = ["budget", "revenue", "profit", "popularity"]
GENRE = ["release_year", "genres"]
COMPANY = ["release_year", "production_companies"]
Frame = Any  # pandas ships no types of its own


def names(cell: object) -> list[str]:
    """Return the names in a list cell; none where it is broken."""
    try:
        return [item["name"] for item in ast.literal_eval(str(cell))]
    except (ValueError, SyntaxError, TypeError):
        return []


def read(file: str) -> Frame:
    """Read and clean the movies."""
    movies: Frame = pd.read_csv(file, usecols=COLUMNS, dtype=str)
    for column in ("id", "budget", "revenue", "popularity"):
        movies[column] = pd.to_numeric(movies[column], errors="coerce")
    movies["release_year"] = pd.to_datetime(movies["release_date"], errors="coerce").dt.year
    movies = movies.dropna(subset=["id", "release_year"]).drop_duplicates("id", keep="last")
    for column in ("genres", "production_companies"):
        movies[column] = movies[column].apply(names)
    known = (movies["budget"] > 0) & (movies["revenue"] > 0)
    movies["profit"] = (movies["revenue"] - movies["budget"]).where(known)
    return movies


def summary(group: Frame) -> Frame:
    """Sum up one group."""
    sums = {name: group[name].sum() for name in AMOUNTS}
    return pd.Series({"releases": len(group), **sums, "avg_popularity": group["popularity"].mean()})


def company_summary(group: Frame) -> Frame:
    """Sum up the movies of a company in a year, its releases per genre included."""
    releases = Counter(genre for genres in group["genres"] for genre in genres)
    return pd.concat([summary(group), pd.Series(releases, dtype="float")])


def reports_by_apply(movies: Frame) -> tuple[Frame, Frame]:
    """Return both reports, one function call per group."""
    by_genre = movies.explode("genres").dropna(subset=["genres"]).groupby(GENRE)
    by_company = (
        movies.explode("production_companies").dropna(subset=["production_companies"]).groupby(COMPANY)
    )
    companies = by_company.apply(company_summary).unstack(fill_value=0)
    return by_genre.apply(summary), companies


def aggregate(exploded: Frame, key: list[str]) -> Frame:
    """Sum up all groups at once."""
    grouped = exploded.dropna(subset=key).groupby(key)
    return grouped[AMOUNTS].sum().assign(releases=grouped.size(), avg_popularity=grouped["popularity"].mean())


def reports_vectorised(movies: Frame) -> tuple[Frame, Frame]:
    """Return both reports without a function call per group."""
    exploded = movies.explode("production_companies")
    releases = exploded.explode("genres").pivot_table(
        index=COMPANY, columns="genres", values="id", aggfunc="size", fill_value=0
    )
    return aggregate(movies.explode("genres"), GENRE), aggregate(exploded, COMPANY).join(releases)


def main(style: str, file: str, database: str) -> None:
    """Write both reports as tables."""
    build = {"apply": reports_by_apply, "vectorised": reports_vectorised}[style]
    genres, companies = build(read(file))
    with closing(sqlite3.connect(database)) as connection:
        genres.reset_index().to_sql("genre_data", connection, index=False)
        companies.reset_index().to_sql("production_data", connection, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
