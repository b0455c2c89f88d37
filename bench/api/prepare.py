"""Before the contests: ask the program once, for what the others are to answer and what they are asked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, combinations
from pathlib import Path

from bench.api import questions
from bench.api.load import Ask, Got, fetch
from bench.api.marts import Marts
from bench.api.questions import Known, Question
from bench.api.servers import app_serve, serving
from bench.api.sql import PAGE

HOT = f"/v1/aggregates/genres?limit={PAGE}"
CSV_ROWS = 10_000
_COMPANIES = "/v1/aggregates/production-companies"
_WALK = questions.MOST // (len(questions.KINDS) + 1)
_SENT = ("content-type", "content-encoding", "etag", "cache-control", "vary")


@dataclass(frozen=True)
class Prepared:
    """One answer of each form, the questions of the cold path, and where keys and answers are on disk."""

    marts: Marts
    folder: Path
    about: Known
    questions: list[Question]
    csv_years: tuple[int, int]
    answers: Mapping[str, Got]

    def ask(self, path: str, **headers: str) -> Ask:
        """Return a request with the client's token."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return Ask(path, {**self.marts.bearer, **more})

    @property
    def csv_path(self) -> str:
        """The listing of about 10,000 rows."""
        first, last = self.csv_years
        return f"{_COMPANIES}?format=csv&limit=all&year_from={first}&year_to={last}"

    @property
    def keys(self) -> Path:
        """The program's public keys."""
        return self.folder / "jwks.json"

    def answer(self, name: str) -> Path:
        """Return the folder of a prepared answer, as ``bench.api.bare_asgi`` reads it."""
        got, folder = self.answers[name], self.folder / f"answer-{name}"
        folder.mkdir(exist_ok=True)
        sent = {key: value for key, value in got.headers.items() if key in _SENT}
        length = {} if got.status == 304 else {"content-length": str(len(got.body))}
        (folder / "status").write_text(str(got.status))
        (folder / "headers").write_text(json.dumps(list({**sent, **length}.items())))
        (folder / "body").write_bytes(got.body)
        return folder


def prepare(marts: Marts, folder: Path) -> Prepared:
    """Ask the program for everything that is needed later."""
    folder.mkdir(exist_ok=True)
    about = questions.known(marts)
    with serving(app_serve(), marts.environment, marts.logs / "prepare.log", "/readyz") as server:
        url = server.url
        (folder / "jwks.json").write_bytes(fetch(url, Ask("/.well-known/jwks.json")).body)
        drawn = questions.draw(about, _walk(marts, url))
        prepared = Prepared(marts, folder, about, drawn, _csv_years(marts), {})
        hot = fetch(url, prepared.ask(HOT))
        answers = {
            "hot": hot,
            "304": fetch(url, prepared.ask(HOT, if_none_match=hot.headers["etag"])),
            "gzip": fetch(url, prepared.ask(HOT, accept_encoding="gzip")),
            "csv": fetch(url, prepared.ask(prepared.csv_path)),
            "cold": _typical([fetch(url, prepared.ask(item.path)) for item in drawn[:200]]),
        }
    return Prepared(marts, folder, about, drawn, prepared.csv_years, answers)


def _walk(marts: Marts, url: str) -> list[Question]:
    """Follow cursors through the companies."""
    found: list[Question] = []
    path: str | None = f"{_COMPANIES}?limit={PAGE}"
    while path and len(found) < _WALK:
        page = json.loads(fetch(url, Ask(path, marts.bearer)).body)
        last, path = page["data"][-1], page["links"]["next"]
        if path:
            found.append(questions.page_after(len(found) + 1, path, last["company_id"], last["year"]))
    return found


def _csv_years(marts: Marts) -> tuple[int, int]:
    """Return the first and last year of a span in which companies have about 10,000 rows."""
    years = marts.column("SELECT year FROM mart_company_year GROUP BY year ORDER BY year")
    counts = marts.column("SELECT count(*) FROM mart_company_year GROUP BY year ORDER BY year")
    totals = [0, *accumulate(counts)]
    spans = combinations(range(len(totals)), 2)
    first, end = min(spans, key=lambda span: abs(totals[span[1]] - totals[span[0]] - CSV_ROWS))
    return years[first], years[end - 1]


def _typical(answers: list[Got]) -> Got:
    """Return the answer nearest to the mean size."""
    mean = sum(len(got.body) for got in answers) / len(answers)
    return min(answers, key=lambda got: abs(len(got.body) - mean))
