"""The lines of the API table: who takes part in each case, and what everybody is asked."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.api import others, sql
from bench.api.contest import Contestant
from bench.api.load import Ask
from bench.api.marts import Marts
from bench.api.prepare import HOT, Prepared
from bench.api.servers import app_serve, python_module, uvicorn

APP = "app serve"
BARE = "bare ASGI"
SAME_SERVER = "bare ASGI, our server"
CONSTANT = "constant FastAPI"
USUAL = "usual FastAPI"
ROAPI = "ROAPI"
ROAPI_REST = "ROAPI, REST, no names"
DATASETTE = "Datasette"
#: Within less, some do not finish 32 large answers.
_LARGE_ANSWERS_S = 4
_GENRES = sql.page_of_genres()


@dataclass(frozen=True)
class Case:
    """One contest: a title, who takes part, and the seconds that a round takes at least."""

    name: str
    title: str
    contestants: list[Contestant]
    least_s: float = 0


def cases(ready: Prepared) -> Iterator[Case]:
    """Return the cases on one set of marts."""
    marts, etag = ready.marts, ready.answers["hot"].headers["etag"]
    hot = ready.ask(HOT)
    elsewhere = [
        _roapi(marts, [others.roapi_ask(_GENRES)]),
        _roapi(marts, [Ask("/api/tables/mart_genre_year?sort=genre_id,year&limit=50")], ROAPI_REST),
        _datasette(marts, [others.datasette_ask(_GENRES)]),
    ]
    yield Case("hot", f"hot: GET {HOT}", [*_own(ready, "hot", [hot]), _usual(ready, [hot]), *elsewhere])

    drawn = ready.questions
    cold = [ready.ask(item.path) for item in drawn]
    yield Case(
        "cold",
        f"cold: {len(drawn):,} different questions, APP_CACHE_BYTES=0",
        [
            *_own(ready, "cold", cold, cache="0"),
            _usual(ready, [ready.ask(item.plain) for item in drawn]),
            _roapi(marts, [others.roapi_ask(item.sql) for item in drawn]),
            _datasette(marts, [others.datasette_ask(item.sql) for item in drawn]),
        ],
    )
    unchanged = [ready.ask(HOT, if_none_match=etag)]
    yield Case("304", "304: hot, with If-None-Match", _own(ready, "304", unchanged, status=304))

    packed = [ready.ask(HOT, accept_encoding="gzip")]
    yield Case(
        "gzip", "gzip: hot, with Accept-Encoding: gzip", [*_own(ready, "gzip", packed), _usual(ready, packed)]
    )
    rows = sql.companies_of(*ready.csv_years)
    yield Case(
        "csv",
        f"CSV: GET {ready.csv_path}",
        [
            *_own(ready, "csv", [ready.ask(ready.csv_path)]),
            _roapi(marts, [others.roapi_ask(rows, csv=True)]),
            _datasette(marts, [others.datasette_ask(rows, csv=True)]),
        ],
        _LARGE_ANSWERS_S,
    )
    yield Case(
        "workers",
        "two workers, hot (ROAPI as above: it uses every core at any time)",
        [*_own(ready, "hot", [hot], workers=2), _usual(ready, [hot], workers=2), *elsewhere],
    )


def own(marts: Marts, asks: list[Ask], name: str = APP, status: int = 200, **more: str) -> Contestant:
    """Return the program under test; ``more`` are settings, ``workers`` among them."""
    workers = int(more.pop("workers", "1"))
    environment = {**marts.environment, **{f"APP_{key.upper()}": value for key, value in more.items()}}
    return Contestant(name, lambda: app_serve(workers), asks, environment, status, "/readyz")


def _own(
    ready: Prepared, name: str, asks: list[Ask], workers: int = 1, status: int = 200, cache: str | None = None
) -> list[Contestant]:
    """Return the program, and those that send an answer of its without work."""
    settings = {"workers": str(workers), **({"cache_bytes": cache} if cache else {})}
    got = ready.answers[name]
    found = [own(ready.marts, asks, APP, status, **settings)]
    if got.status != status:
        return found  # the program itself will say why
    answer = {"BENCH_ANSWER": str(ready.answer(name))}
    alone = [Contestant(SAME_SERVER, lambda: python_module("bench.api.bare_asgi"), asks, answer, status)]
    return [
        *found,
        _on_uvicorn(BARE, "bench.api.bare_asgi", asks, answer, workers, status),
        *(alone if workers == 1 else []),
        _on_uvicorn(CONSTANT, "bench.api.constant_fastapi", asks, answer, workers, status),
    ]


def _on_uvicorn(
    name: str, module: str, asks: list[Ask], environment: dict[str, str], workers: int, status: int = 200
) -> Contestant:
    return Contestant(name, lambda: uvicorn(f"{module}:application", workers), asks, environment, status)


def _usual(ready: Prepared, asks: list[Ask], workers: int = 1) -> Contestant:
    environment = {
        **ready.marts.environment,
        "BENCH_STORE": f"sqlite:///{ready.marts.store}",
        "BENCH_JWKS": str(ready.keys),
    }
    return _on_uvicorn(USUAL, "bench.api.usual_fastapi", asks, environment, workers)


def _roapi(marts: Marts, asks: list[Ask], name: str = ROAPI) -> Contestant:
    return Contestant(name, lambda: others.roapi(marts), asks, ready="/health")


def _datasette(marts: Marts, asks: list[Ask]) -> Contestant:
    return Contestant(DATASETTE, lambda: others.datasette(marts), asks, ready="/-/versions.json")
