"""Everything that a run over a delivery must give."""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.reference import dimensions, marts, reports
from tests.reference.movies import DataFile, Reject, judge


@dataclass(frozen=True)
class Outcome:
    """The result of a run. ``dimensions`` rows are ``{id: (name, slug)}``, companies ``{id: (name,)}``."""

    counts: dict[str, int]
    marts: dict[str, marts.Mart]
    dimensions: dict[str, dict[int, tuple[str, ...]]]
    rejects: list[Reject]
    reports: dict[str, str]


def work_out(files: Iterable[DataFile], require_financials: bool = False) -> Outcome:
    """Work out the result of a delivery."""
    movies, rejects = judge(files, require_financials)
    genres = dimensions.names(movie.genres for movie in movies)
    companies = dimensions.names(movie.companies for movie in movies)
    slugs = dimensions.slugs(genres)
    built = marts.build(movies)
    return Outcome(
        counts={
            "rows": len(movies) + len(rejects),
            "accepted": len(movies),
            "without genre": sum(not movie.genres for movie in movies),
            "without production_company": sum(not movie.companies for movie in movies),
        },
        marts=built,
        dimensions={
            "genre": {key: (name, slugs[key]) for key, name in genres.items()},
            "production_company": {key: (name,) for key, name in companies.items()},
        },
        rejects=rejects,
        reports={
            "genre_data.csv": reports.genre_data(built, genres),
            "production_data.csv": reports.production_data(built, companies, genres, slugs),
        },
    )
