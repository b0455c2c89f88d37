"""Frames: the rows of a listing, typed, and popularity exact to the last digit."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

import app.client.pages
from app.client import Client, InvalidParameters
from tests.client.conftest import SECOND
from tests.support.movies import LATER, MOVIES, Row, mart, shown

DECIMALS = ("popularity", "avg_popularity")


def exact(name: str, movies: tuple[Any, ...] = MOVIES) -> list[Row]:
    """Return a mart's rows as the API shows them, with decimals that are exact."""
    return [
        {**shown(row), **{measure: _points(row[measure]) for measure in DECIMALS}}
        for row in mart(name, movies)
    ]


def _points(millionths: int | None) -> Decimal | None:
    return None if millionths is None else Decimal(millionths).scaleb(-6)


def test_a_frame_holds_every_row_and_type(marts: Client) -> None:
    frame = marts.production_company_genres().to_polars()
    assert frame.to_dicts() == exact("company_genre_year")
    kinds = dict.fromkeys(frame.columns, pl.Int64) | {name: pl.Decimal(19, 6) for name in DECIMALS}
    assert frame.schema == kinds | dict.fromkeys(("company", "genre", "genre_slug"), pl.String)


@pytest.mark.parametrize("limit", [1, 5, 7, 1001])
def test_a_frame_of_some_rows(marts: Client, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(app.client.pages, "MAX_PAGE", 3)
    assert marts.genres(limit=limit).to_polars().to_dicts() == exact("genre_year")[:limit]


def test_a_frame_of_some_fields_in_their_order(marts: Client) -> None:
    frame = marts.genres(fields=["revenue", "year", "avg_popularity"], sort="-revenue").to_polars()
    assert frame.columns == ["revenue", "year", "avg_popularity"]
    assert frame["revenue"].to_list() == sorted(
        (row["revenue"] for row in mart("genre_year", MOVIES)), reverse=True
    )


def test_an_empty_frame_keeps_its_columns(marts: Client) -> None:
    frame = marts.genres(year=1900).to_polars()
    assert frame.is_empty()
    assert frame.schema["genre"] == pl.String
    assert frame.schema["popularity"] == pl.Decimal(19, 6)


def test_rows_and_frame_of_one_listing_are_of_one_run(marts: Client) -> None:
    listing = marts.at(SECOND).years()
    assert listing.run_id == SECOND
    assert listing.to_polars().to_dicts() == exact("year", LATER)
    assert [row["year"] for row in listing] == [row["year"] for row in mart("year", LATER)]


def test_pandas_frames_hold_the_same(marts: Client) -> None:
    frame = marts.genres().to_pandas()
    rows = exact("genre_year")
    assert list(frame.columns) == list(rows[0])
    assert frame["genre"].to_list() == [row["genre"] for row in rows]
    assert frame["revenue"].dtype == "int64"
    assert frame["popularity"].to_list() == [float(row["popularity"]) for row in rows]
    means = [row["avg_popularity"] for row in rows]
    assert frame["avg_popularity"].isna().to_list() == [mean is None for mean in means]


def test_a_bad_question_is_an_error_for_frames_too(marts: Client) -> None:
    with pytest.raises(InvalidParameters, match="sort"):
        marts.years(sort="nothing").to_polars()


def test_a_frame_between_pages_disturbs_neither(marts: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.client.pages, "MAX_PAGE", 3)
    listing = marts.genres()
    begun = iter(listing)
    first = next(begun)
    assert listing.to_polars().height == len(exact("genre_year"))
    assert len([first, *begun]) == len(exact("genre_year"))
