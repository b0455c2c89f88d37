"""Small deliveries written by hand, for tests of runs rather than of rows."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

HEADER = (
    "id",
    "title",
    "release_date",
    "budget",
    "revenue",
    "popularity",
    "genres",
    "production_companies",
)


def movie(number: int, date: str = "1999-05-01", budget: str = "10", revenue: str = "25") -> tuple[str, ...]:
    """Return the fields of one valid movie."""
    genres, companies = "[{'id': 18, 'name': 'Drama'}]", "[{'id': 3, 'name': 'Pixar'}]"
    return (str(number), "A film", date, budget, revenue, "1.5", genres, companies)


def write(path: Path, records: Iterable[Sequence[str]], header: Sequence[str] = HEADER) -> Path:
    """Write a CSV delivery."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(records)
    return path


def movies(path: Path, count: int, first: int = 1) -> Path:
    """Write a delivery of ``count`` valid movies."""
    return write(path, [movie(number) for number in range(first, first + count)])
