"""The two reports of a run: ``genre_data.csv`` and ``production_data.csv`` (contract section 2)."""

from pathlib import Path
from typing import BinaryIO

import polars as pl

from app.etl.spreadsheet import decimal_text, neutralised
from app.marts.definitions import GENRE, PRODUCTION_COMPANY

GENRE_REPORT = "genre_data.csv"
PRODUCTION_REPORT = "production_data.csv"
#: Where they land below the run's own prefix.
REPORT_FOLDER = "report"
REPORTS = (GENRE_REPORT, PRODUCTION_REPORT)


def write_reports(tables: Path, folder: Path) -> None:
    """Write both reports into ``folder`` from the Parquet tables of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    _genre_report(tables).write_csv(folder / GENRE_REPORT)
    with (folder / PRODUCTION_REPORT).open("wb") as file:
        _write_production_report(tables, file)


def _read(tables: Path, name: str, *columns: str) -> pl.DataFrame:
    """Read these columns of a landed table, all of them where none is named."""
    return pl.read_parquet(tables / f"{name}.parquet", columns=list(columns) or None, memory_map=False)


def _genre_report(tables: Path) -> pl.DataFrame:
    names = _read(tables, GENRE.name).select(pl.col("id").alias("genre_id"), pl.col("name").alias("genre"))
    rows = _read(tables, "genre_year").join(names, on="genre_id").sort("year", "genre", "genre_id")
    return rows.select(
        pl.col("year").alias("release_year"),
        "genre_id",
        neutralised("genre"),
        "releases",
        "budget",
        "revenue",
        "profit",
        decimal_text("popularity"),
        decimal_text("avg_popularity"),
    )


def _write_production_report(tables: Path, file: BinaryIO) -> None:
    """Write the header by itself: of ``Drama``, ``drama`` and ``Drama 1`` two may have one slug."""
    report = _production_report(tables)
    columns = _genre_columns(tables)
    file.write((",".join(columns.get(name, name) for name in report.columns) + "\n").encode())
    report.write_csv(file, include_header=False)


def _genre_columns(tables: Path) -> dict[str, str]:
    """Return ``{genre_id: releases_<slug>}``, the genres by name, then id."""
    genres = _read(tables, GENRE.name).sort("name", "id")
    return {str(key): f"releases_{slug.replace('-', '_')}" for key, _, slug in genres.iter_rows()}


def _production_report(tables: Path) -> pl.DataFrame:
    """Return the report, its genre columns still named by the genres' ids."""
    key = ["year", "company_id"]
    names = _read(tables, PRODUCTION_COMPANY.name)
    names = names.select(pl.col("id").alias("company_id"), pl.col("name").alias("production_company"))
    by_genre = _releases_by_genre(tables)
    measures = ("releases", "budget", "revenue", "profit", "avg_popularity")
    rows = (
        _read(tables, "company_year", *key, *measures)
        .join(names, on="company_id")
        .join(by_genre, on=key, how="left")
    )
    genres = [column for column in by_genre.columns if column not in key]
    return rows.sort("year", "production_company", "company_id").select(
        pl.col("year").alias("release_year"),
        pl.col("company_id").alias("production_company_id"),
        neutralised("production_company"),
        "releases",
        "budget",
        "revenue",
        "profit",
        decimal_text("avg_popularity"),
        pl.col(genres).fill_null(0),
    )


def _releases_by_genre(tables: Path) -> pl.DataFrame:
    """Return ``year, company_id`` and a column of releases per genre, named by its id."""
    mart = _read(tables, "company_genre_year", "year", "company_id", "genre_id", "releases")
    return mart.group_by("year", "company_id").agg(
        pl.col("releases").filter(pl.col("genre_id") == int(genre)).sum().alias(genre)
        for genre in _genre_columns(tables)
    )
