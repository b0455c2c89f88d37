"""The two report files, as CSV text.

Chosen where the contract is silent: lines end with LF; a cell is quoted only where it holds a comma, a
quote, CR or LF; numbers are the shortest decimal (no trailing zeros, no point where whole), null is empty;
a text cell that begins with ``=``, ``+``, ``-``, ``@``, tab or CR gets a leading apostrophe. Names sort by
code point, equal names by id; the genre columns of ``production_data.csv`` stand in the order of the genres'
names, then ids.
"""

from collections.abc import Sequence
from decimal import Decimal

from tests.reference.marts import Mart, Value


def genre_data(marts: dict[str, Mart], genres: dict[int, str]) -> str:
    """``genre_data.csv``: by year, then genre name."""
    measures = ("releases", "budget", "revenue", "profit", "popularity", "avg_popularity")
    lines: list[Sequence[str | Value]] = [("release_year", "genre_id", "genre", *measures)]
    mart = marts["genre_year"]
    for genre, year in sorted(mart, key=lambda key: (key[1], genres[key[0]], key[0])):
        row = mart[genre, year]
        lines.append((year, genre, genres[genre], *(row[measure] for measure in measures)))
    return _csv(lines)


def production_data(
    marts: dict[str, Mart], companies: dict[int, str], genres: dict[int, str], slugs: dict[int, str]
) -> str:
    """``production_data.csv``: by year, company name, id, with one column of releases per genre."""
    measures = ("releases", "budget", "revenue", "profit", "avg_popularity")
    columns = sorted(genres, key=lambda genre: (genres[genre], genre))
    of_genres = ["releases_" + slugs[genre].replace("-", "_") for genre in columns]
    lines: list[Sequence[str | Value]] = [
        ("release_year", "production_company_id", "production_company", *measures, *of_genres)
    ]
    mart, by_genre = marts["company_year"], marts["company_genre_year"]
    for company, year in sorted(mart, key=lambda key: (key[1], companies[key[0]], key[0])):
        row = mart[company, year]
        releases = [by_genre.get((company, genre, year), {"releases": 0})["releases"] for genre in columns]
        lines.append((year, company, companies[company], *(row[measure] for measure in measures), *releases))
    return _csv(lines)


def _csv(lines: list[Sequence[str | Value]]) -> str:
    return "".join(",".join(_cell(value) for value in line) + "\n" for line in lines)


def _cell(value: str | Value) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if value.startswith(("=", "+", "-", "@", "\t", "\r")):
        value = "'" + value
    if any(char in value for char in ',"\r\n'):
        return '"' + value.replace('"', '""') + '"'
    return value
