"""What users ask, each question once: the same for every contestant, as a path and as SQL.

Questions are drawn with a fixed seed, from the members and years of the marts that are served.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote

from bench.api import sql
from bench.api.marts import Marts
from bench.api.sql import PAGE

MOST = 20_000
SEED = 20170101
METRICS = ("releases", "budget", "revenue", "profit", "popularity", "budget_known", "revenue_known")


@dataclass(frozen=True)
class Question:
    """One question: path and query as the program takes it, SQL, and a path without cursors for others."""

    kind: str
    path: str
    sql: str
    plain: str


@dataclass(frozen=True)
class Known:
    """What questions are about, and a die to draw with."""

    years: list[int]
    slugs: list[str]
    companies: list[int]
    names: list[str]
    dice: random.Random

    def span(self) -> tuple[int, int]:
        """Return a range of years."""
        first, last = sorted(self.dice.sample(self.years, 2))
        return first, last


def known(marts: Marts) -> Known:
    """Return what there is to ask about."""
    return Known(
        marts.column("SELECT year FROM mart_year ORDER BY year"),
        marts.column("SELECT slug FROM dim_genre ORDER BY id"),
        marts.column("SELECT id FROM dim_production_company ORDER BY id"),
        marts.column("SELECT name FROM dim_production_company ORDER BY id"),
        random.Random(SEED),  # noqa: S311 - questions are to be the same in every run
    )


def _same(kind: str, path: str, statement: str) -> Question:
    path = f"/v1/{path}&limit={PAGE}"
    return Question(kind, path, statement, path)


def _years(about: Known) -> Question:
    first, last = about.span()
    statement = sql.rows("year", (), f"m.year BETWEEN {first} AND {last}")
    return _same("years", f"aggregates/years?year_from={first}&year_to={last}", statement)


def _genre(about: Known) -> Question:
    (first, last), slug = about.span(), about.dice.choice(about.slugs)
    statement = sql.rows("genre_year", ("genre",), f"g.slug = '{slug}' AND m.year BETWEEN {first} AND {last}")
    return _same("a genre", f"aggregates/genres?genre={slug}&year_from={first}&year_to={last}", statement)


def _company(about: Known) -> Question:
    company = about.dice.choice(about.companies)
    statement = sql.rows("company_year", ("company",), f"m.company_id = {company}")
    return _same("a company by id", f"aggregates/production-companies?company_id={company}", statement)


def _named(about: Known) -> Question:
    name = about.dice.choice(about.names)
    text = name.replace("'", "''").replace("{", "{{").replace("}", "}}")
    statement = sql.rows("company_year", ("company",), f"d.name = '{text}'")
    path = f"aggregates/production-companies?company={quote(name, safe='')}"
    return _same("a company by name", path, statement)


def _year_sorted(about: Known) -> Question:
    year, metric = about.dice.choice(about.years), about.dice.choice(METRICS)
    sign, direction = about.dice.choice((("-", " DESC"), ("", "")))
    statement = sql.rows("company_year", ("company",), f"m.year = {year}", f"m.{metric}{direction}")
    path = f"aggregates/production-companies?year={year}&sort={sign}{metric}"
    return _same("companies of a year, sorted", path, statement)


def _studio(about: Known) -> Question:
    company, year = about.dice.choice(about.companies), about.dice.choice(about.years)
    where = f"m.company_id = {company} AND m.year >= {year}"
    statement = sql.rows("company_genre_year", ("company", "genre"), where)
    path = f"aggregates/production-company-genres?company_id={company}&year_from={year}"
    return _same("a company by genre", path, statement)


def _genre_sorted(about: Known) -> Question:
    year, slug, metric = (about.dice.choice(values) for values in (about.years, about.slugs, METRICS))
    where = f"g.slug = '{slug}' AND m.year = {year}"
    statement = sql.rows("company_genre_year", ("company", "genre"), where, f"m.{metric} DESC")
    path = f"aggregates/production-company-genres?genre={slug}&year={year}&sort=-{metric}"
    return _same("companies of a genre and year, sorted", path, statement)


def _ranked_genres(about: Known) -> Question:
    (first, last), metric, top = about.span(), about.dice.choice(METRICS), about.dice.randint(1, 5)
    statement = sql.ranks("genre_year", "genre", metric, top, f"m.year BETWEEN {first} AND {last}")
    path = f"rankings/genres?metric={metric}&top={top}&year_from={first}&year_to={last}"
    return _same("ranked genres", path, statement)


def _ranked_companies(about: Known) -> Question:
    year, metric, top = about.dice.choice(about.years), about.dice.choice(METRICS), about.dice.randint(1, 20)
    statement = sql.ranks("company_year", "company", metric, top, f"m.year = {year}")
    path = f"rankings/production-companies?metric={metric}&top={top}&year={year}"
    return _same("ranked companies", path, statement)


def _genre_totals(about: Known) -> Question:
    first, last = about.span()
    statement = sql.totals("genre_year", "genre", f"m.year BETWEEN {first} AND {last}")
    path = f"aggregates/genres?rollup=years&year_from={first}&year_to={last}"
    return _same("genres over years", path, statement)


def _company_totals(about: Known) -> Question:
    company, year = about.dice.choice(about.companies), about.dice.choice(about.years)
    statement = sql.totals("company_year", "company", f"m.company_id = {company} AND m.year >= {year}")
    path = f"aggregates/production-companies?rollup=years&company_id={company}&year_from={year}"
    return _same("a company over years", path, statement)


def _searched(about: Known) -> Question:
    letters = [c for c in about.dice.choice(about.names).lower() if c.isascii() and c.isalpha()]
    start = about.dice.randint(0, max(0, len(letters) - 4))
    text = "".join(letters[start : start + 4]) or "film"
    return _same("searched companies", f"dimensions/production-companies?search={text}", sql.searched(text))


def _all_totals(about: Known) -> Question:
    (first, last), metric = about.span(), about.dice.choice(METRICS)
    statement = sql.totals("company_year", "company", f"m.year BETWEEN {first} AND {last}", f"{metric} DESC")
    path = f"aggregates/production-companies?rollup=years&year_from={first}&year_to={last}&sort=-{metric}"
    return _same("every company over years, sorted", path, statement)


def page_after(number: int, path: str, company: int, year: int) -> Question:
    """Return the question for a page of companies, by its cursor, its place, and the row before it."""
    where = f"(m.company_id > {company} OR (m.company_id = {company} AND m.year > {year}))"
    plain = f"/v1/aggregates/production-companies?limit={PAGE}&offset={number * PAGE}"
    return Question("a page by cursor", path, sql.rows("company_year", ("company",), where), plain)


KINDS: tuple[Callable[[Known], Question], ...] = (
    *(_years, _genre, _company, _named, _year_sorted, _studio, _genre_sorted),
    *(_ranked_genres, _ranked_companies, _genre_totals, _company_totals, _searched),
)
#: Reads a whole mart each time, in any store: measured by itself, not in the mix.
WHOLE = _all_totals


def _distinct(draw: Callable[[Known], Question], about: Known) -> Iterator[Question]:
    seen: set[str] = set()
    for _ in range(2 * MOST):
        question = draw(about)
        if question.path not in seen:
            seen.add(question.path)
            yield question


def draw(about: Known, pages: list[Question]) -> list[Question]:
    """Return distinct questions of all kinds in no order, equally many of each where there are so many."""
    each = MOST // (len(KINDS) + 1)
    found = [*pages[:each]]
    for kind in KINDS:
        found += islice(_distinct(kind, about), each)
    about.dice.shuffle(found)
    return found


def by_kind(about: Known, questions: list[Question]) -> Mapping[str, list[Question]]:
    """Return the questions of each kind, and those about a whole mart."""
    kinds: dict[str, list[Question]] = {}
    for question in (*questions, *islice(_distinct(WHOLE, about), MOST // len(KINDS))):
        kinds.setdefault(question.kind, []).append(question)
    return kinds
