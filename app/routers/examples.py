"""Examples of answers for the OpenAPI document, worked out from the declarations."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from app.auth.metadata import JWKS_PATH, METADATA_PATH, TOKEN_PATH, server_metadata
from app.auth.scopes import SCOPES
from app.marts.definitions import ENTITIES, MARTS, MEASURES, Count, Dimension, Known, Mean, Measure, Sum
from app.serving.catalogue import RUN_FIELDS
from app.serving.fields import Field
from app.serving.listings import LISTINGS, Listing

RUN_ID, OLD_RUN_ID = RUN_FIELDS["run_id"].example, "20250101T055930000000Z-3d4e5f"
AS_OF, AT = "2025-01-31", "2025-02-01T06:00:00.000000Z"
#: Movies of one genre, company and year; what a movie lacks is unknown. Popularity is in millionths.
MOVIES: Sequence[Mapping[str, int]] = (
    {"budget": 30_000_000, "revenue": 373_554_033, "profit": 343_554_033, "popularity": 21_946_943},
    {"budget": 65_000_000, "revenue": 262_797_249, "profit": 197_797_249, "popularity": 17_015_539},
    {"revenue": 11_348_324, "popularity": 5_269_512},
)
NAMES: Mapping[str, Any] = {
    "year": 1995,
    "rank": 1,
    "genre_id": 16,
    "genre": "Animation",
    "genre_slug": "animation",
    "company_id": 3,
    "company": "Pixar Animation Studios",
}
REJECTS = {"malformed_row": 3, "missing_release_date": 87, "duplicate_id": 30}
ROWS = 45_466


def measures(movies: Sequence[Mapping[str, int]] = MOVIES) -> dict[str, Any]:
    """Return the measures of a row that stands for these movies, as JSON shows them."""
    found: dict[str, Any] = {}
    for item in MEASURES:
        found[item.name] = _measure(item, movies, found)
    return {
        item.name: found[item.name] / 10**item.scale if item.scale else found[item.name] for item in MEASURES
    }


def _measure(item: Measure, movies: Sequence[Mapping[str, int]], found: Mapping[str, int]) -> int:
    match item.formula:
        case Count():
            return len(movies)
        case Sum(field):
            return sum(movie.get(field, 0) for movie in movies)
        case Known(field):
            return sum(field in movie for movie in movies)
        case Mean(total, count):
            return round(Fraction(found[total], found[count]))


def envelope(
    data: Any, path: str, mart: str | None = None, additive: Mapping[str, bool] | None = None
) -> dict[str, Any]:
    """Return the answer that holds some data."""
    return {
        "data": data,
        "meta": {
            "run_id": RUN_ID,
            "as_of": AS_OF,
            "published_at": AT,
            "mart": mart,
            "additive": additive or {},
            "count": len(data) if isinstance(data, list) else 1,
            "next_cursor": None,
        },
        "links": {"self": path, "next": None},
    }


def answers() -> dict[str, Any]:
    """Return an example of the JSON answer of every operation that has one, by path."""
    changes = f"/v1/runs/{RUN_ID}/changes?since={OLD_RUN_ID}"
    return {
        **{item.path: _listing(item) for item in LISTINGS},
        "/v1/runs": envelope([_run()], "/v1/runs"),
        "/v1/runs/current": envelope(_run(), "/v1/runs/current"),
        "/v1/runs/{run_id}": envelope(_run(), f"/v1/runs/{RUN_ID}"),
        "/v1/runs/{run_id}/changes": envelope([_change()], changes),
        "/healthz": {"status": "ok"},
        "/readyz": {"status": "ready", "published": RUN_ID},
        TOKEN_PATH: _token(),
        "/oauth/introspect": {"active": False},
        METADATA_PATH: server_metadata("https://marts.example"),
        JWKS_PATH: {"keys": [_key()]},
    }


def _listing(item: Listing) -> dict[str, Any]:
    view = next(iter(item.views.values()))
    known = {**NAMES, **measures(), **(_member(item.mart.entities[0]) if item.kind == "dimensions" else {})}
    return envelope([_row(view.fields.values(), known)], item.path, item.mart.name, view.additive)


def _row(fields: Iterable[Field], known: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: known.get(field.name, field.example) for field in fields}


def _member(dimension: Dimension) -> dict[str, Any]:
    parts = {"id": dimension.key, "name": dimension.label, "slug": dimension.slug}
    return {part: NAMES.get(name) for part, name in parts.items() if name}


def _run() -> dict[str, Any]:
    digest = hashlib.sha256().hexdigest()
    tables = (*(mart.name for mart in MARTS), *(dimension.name for dimension in ENTITIES))
    known = {
        "rows": ROWS,
        "accepted": ROWS - sum(REJECTS.values()),
        "rejects": REJECTS,
        "without": {dimension.name: 2_000 for dimension in ENTITIES},
        "tables": {name: 100 * place for place, name in enumerate(tables, 1)},
        "files": [{"path": "movies_metadata.csv.gz", "size": 12_345_678, "sha256": digest}],
    }
    return _row(RUN_FIELDS.values(), known)


def _change() -> dict[str, Any]:
    key = {"genre_id": NAMES["genre_id"], "year": NAMES["year"]}
    return {"mart": "genre_year", "key": key, "before": measures(MOVIES[:2]), "after": measures()}


def _token() -> dict[str, Any]:
    token = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl"  # noqa: S105 - signs nothing
    return {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": " ".join(SCOPES)}


def _key() -> dict[str, str]:
    """Return the elliptic-curve key of RFC 7517, appendix A.1."""
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "use": "sig",
        "alg": "ES256",
        "kid": "1",
    }
