"""What a good developer writes in an afternoon: FastAPI, python-jose, SQLAlchemy, response models, gzip.

Synchronous endpoints in the thread pool, one session a request, the token verified on every request, rows
through pydantic; pages by offset. The same marts, parameters and rows as the program under test, no errors
but FastAPI's own.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jose import JWTError, jwt
from pydantic import BaseModel
from sqlalchemy import ColumnElement, FromClause, Select, create_engine, func, select
from sqlalchemy.orm import Session, sessionmaker

from app.marts.definitions import MARTS, Mart
from app.marts.tables import DIMENSION_TABLES, MART_TABLES

KEYS = json.loads(Path(os.environ["BENCH_JWKS"]).read_bytes())
MILLION = 1_000_000
SUMS = [
    *("releases", "budget", "budget_known", "revenue", "revenue_known"),
    *("profit", "profit_known", "popularity", "popularity_known"),
]
PATHS = {mart.path: mart for mart in MARTS}
sessions = sessionmaker(create_engine(os.environ["BENCH_STORE"]))
application = FastAPI()
application.add_middleware(GZipMiddleware, minimum_size=500)


class Row(BaseModel):
    """A row of any mart."""

    year: int | None = None
    place: int | None = None
    genre_id: int | None = None
    genre: str | None = None
    genre_slug: str | None = None
    company_id: int | None = None
    company: str | None = None
    releases: int
    budget: int
    budget_known: int
    revenue: int
    revenue_known: int
    profit: int
    profit_known: int
    popularity: float
    popularity_known: int
    avg_popularity: float | None = None


class Rows(BaseModel):
    """A page."""

    data: list[Row]
    count: int


class Member(BaseModel):
    """A member of a dimension."""

    id: int
    name: str
    first_year: int
    last_year: int
    releases: int


class Asked(BaseModel):
    """What can be asked of a mart."""

    year: int | None = None
    year_from: int = 0
    year_to: int = 9999
    genre: str | None = None
    company_id: int | None = None
    company: str | None = None
    rollup: str | None = None
    metric: str | None = None
    top: int = 1
    sort: str | None = None
    limit: int = 100
    offset: int = 0


def session() -> Iterator[Session]:
    """Open a session for one request."""
    with sessions() as opened:
        yield opened


def client(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> dict[str, Any]:
    """Verify the token."""
    try:
        claims = jwt.decode(
            credentials.credentials,
            KEYS,
            algorithms=["RS256", "ES256"],
            audience="movie-marts",
            issuer=os.environ["APP_ISSUER"],
        )
    except JWTError as error:
        raise HTTPException(401, "invalid token") from error
    if "marts:read" not in str(claims.get("scope", "")).split():
        raise HTTPException(403, "scope marts:read is needed")
    return dict(claims)


Opened = Annotated[Session, Depends(session)]


@application.get("/v1/aggregates/{path}", response_model=Rows, dependencies=[Depends(client)])
@application.get("/v1/rankings/{path}", response_model=Rows, dependencies=[Depends(client)])
def rows(path: str, asked: Annotated[Asked, Query()], opened: Opened) -> dict[str, Any]:
    """List rows of a mart, ranked where a metric is given."""
    statement = _statement(PATHS[path], asked).limit(asked.limit).offset(asked.offset)
    found = [dict(row) for row in opened.execute(statement).mappings()]
    for row in found:
        row["popularity"] /= MILLION
        known = row["popularity_known"]
        row["avg_popularity"] = round(row["popularity"] / known, 6) if known else None
    return {"data": found, "count": len(found)}


@application.get(
    "/v1/dimensions/production-companies", response_model=list[Member], dependencies=[Depends(client)]
)
def members(search: str, limit: int, opened: Opened) -> list[dict[str, Any]]:
    """List companies whose name has this text in it."""
    names, facts = DIMENSION_TABLES["production_company"], MART_TABLES["company_year"]
    years = (func.min(facts.c.year).label("first_year"), func.max(facts.c.year).label("last_year"))
    statement = (
        select(names.c.id, names.c.name, *years, func.sum(facts.c.releases).label("releases"))
        .join(facts, (facts.c.run == names.c.run) & (facts.c.company_id == names.c.id))
        .where(names.c.run == 1, names.c.name.icontains(search))
        .group_by(names.c.id, names.c.name)
        .order_by(names.c.id)
        .limit(limit)
    )
    return [dict(row) for row in opened.execute(statement).mappings()]


def _statement(mart: Mart, asked: Asked) -> Select[Any]:
    """Return the rows of a mart, its totals over the years, or the best of each year."""
    facts: FromClause = MART_TABLES[mart.name]
    keys = [facts.c[name] for name in mart.key if not (asked.rollup and name == "year")]
    names: list[ColumnElement[Any]] = []
    clauses = [facts.c.run == 1, facts.c.year.between(asked.year_from, asked.year_to)]
    source = facts
    if "genre_id" in mart.key:
        genres = DIMENSION_TABLES["genre"]
        source = source.join(genres, (genres.c.run == facts.c.run) & (genres.c.id == facts.c.genre_id))
        names += [genres.c.name.label("genre"), genres.c.slug.label("genre_slug")]
        clauses += [genres.c.slug == asked.genre] if asked.genre else []
    if "company_id" in mart.key:
        names_of = DIMENSION_TABLES["production_company"]
        same = (names_of.c.run == facts.c.run) & (names_of.c.id == facts.c.company_id)
        source = source.join(names_of, same)
        names += [names_of.c.name.label("company")]
        clauses += [names_of.c.name == asked.company] if asked.company else []
        clauses += [facts.c.company_id == asked.company_id] if asked.company_id is not None else []
    clauses += [facts.c.year == asked.year] if asked.year is not None else []
    if asked.rollup:
        totals = [func.sum(facts.c[name]).label(name) for name in SUMS]
        summed = select(*keys, *names, *totals).select_from(source).where(*clauses)
        return summed.group_by(*keys, *names).order_by(*keys)
    listed = select(*keys, *names, *(facts.c[name] for name in SUMS)).select_from(source).where(*clauses)
    if asked.metric:
        best_first = facts.c[asked.metric].desc()
        place = func.rank().over(partition_by=facts.c.year, order_by=best_first).label("place")
        spot = func.row_number().over(partition_by=facts.c.year, order_by=[best_first, *keys]).label("spot")
        ranked = listed.add_columns(place, spot).subquery()
        best = select(ranked).where(ranked.c.spot <= asked.top)
        return best.order_by(ranked.c.year, ranked.c.place, *(ranked.c[key.name] for key in keys))
    sort = facts.c[asked.sort.removeprefix("-")] if asked.sort else None
    order = [] if sort is None else [sort.desc() if str(asked.sort).startswith("-") else sort]
    return listed.order_by(*order, *keys)
