"""The client's types are those of the OpenAPI document; it needs nothing of the program, and little else."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import httpx
import pytest

from app.client import queries, rows
from tests.client.conftest import FIRST
from tests.support.server import Server

ROWS: Mapping[str, tuple[type, ...]] = {
    "/v1/aggregates/years": (rows.YearRow,),
    "/v1/aggregates/genres": (rows.GenreRow, rows.GenreTotal),
    "/v1/aggregates/production-companies": (rows.CompanyRow, rows.CompanyTotal),
    "/v1/aggregates/production-company-genres": (rows.CompanyGenreRow, rows.CompanyGenreTotal),
    "/v1/rankings/genres": (rows.GenreRank,),
    "/v1/rankings/production-companies": (rows.CompanyRank,),
    "/v1/dimensions/genres": (rows.Genre,),
    "/v1/dimensions/production-companies": (rows.Company,),
    "/v1/runs": (rows.Run,),
    "/v1/runs/{run_id}/changes": (rows.Change,),
}
QUERIES: Mapping[str, tuple[type, set[str]]] = {
    "/v1/aggregates/years": (queries.YearsQuery, set()),
    "/v1/aggregates/genres": (queries.GenresQuery, {"rollup"}),
    "/v1/aggregates/production-companies": (queries.CompaniesQuery, {"rollup"}),
    "/v1/aggregates/production-company-genres": (queries.CompanyGenresQuery, {"rollup"}),
    "/v1/rankings/genres": (queries.RankingQuery, set()),
    "/v1/rankings/production-companies": (queries.RankingQuery, set()),
    "/v1/dimensions/genres": (queries.DimensionQuery, set()),
    "/v1/dimensions/production-companies": (queries.DimensionQuery, set()),
    "/v1/runs": (queries.RunsQuery, set()),
    "/v1/runs/{run_id}/changes": (queries.ChangesQuery, {"since"}),
}
#: What the client itself sets.
OWN = {"cursor", "format"}
JSON_TYPES = {
    int: "integer",
    str: "string",
    float: "number",
    dict: "object",
    list: "array",
    type(None): "null",
}
LARGEST_FILE, LARGEST_ALL = 200, 1200


@pytest.fixture(scope="module")
def document(server: Server) -> Any:
    return httpx.get(f"{server.url}/openapi.json").json()


def resolve(document: Any, schema: Any) -> Any:
    return (
        document["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    )


def row_schema(document: Any, path: str) -> Any:
    answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    return resolve(document, resolve(document, answer)["properties"]["data"]["items"])["properties"]


def plain(schema: Any) -> set[str]:
    """Return the JSON types that a schema allows, where it is one of plain values."""
    return {item.get("type", "object") for item in schema.get("anyOf", [schema])}


def json_types(kind: Any) -> set[str]:
    """Return the JSON types of a Python type."""
    origin = get_origin(kind)
    if origin in {Union, UnionType}:
        return {name for part in get_args(kind) for name in json_types(part)}
    if origin is Literal:
        return {"string"}
    return {"object" if is_typeddict(kind) else JSON_TYPES[origin or kind]}


@pytest.mark.parametrize("path", ROWS)
def test_rows_are_those_of_the_document(document: Any, path: str) -> None:
    shown = row_schema(document, path)
    hints = [get_type_hints(kind) for kind in ROWS[path]]
    assert {name for hint in hints for name in hint} == set(shown)
    for name, kind in hints[0].items():
        assert json_types(kind) == plain(shown[name]), name


def test_a_total_is_a_row_without_its_year() -> None:
    for row, *totals in ROWS.values():
        for total in totals:
            assert set(get_type_hints(row)) - set(get_type_hints(total)) == {"year"}


@pytest.mark.parametrize("path", QUERIES)
def test_questions_are_those_of_the_document(document: Any, path: str) -> None:
    declared = document["paths"][path]["get"]["parameters"]
    known, extra = QUERIES[path]
    assert (
        set(get_type_hints(known)) | extra
        == {item["name"] for item in declared if item["in"] == "query"} - OWN
    )


def test_words_are_those_of_the_document(document: Any) -> None:
    def enum(path: str, name: str) -> set[str]:
        (found,) = (item for item in document["paths"][path]["get"]["parameters"] if item["name"] == name)
        return set(found["schema"]["enum"])

    assert set(get_args(rows.Metric)) == enum("/v1/rankings/genres", "metric")
    assert set(get_args(rows.MartName)) == enum("/v1/runs/{run_id}/changes", "mart")
    status = get_type_hints(rows.Run)["status"]
    assert set(get_args(status)) == set(row_schema(document, "/v1/runs")["status"]["enum"])


def test_it_loads_httpx_and_nothing_of_the_program(server: Server, tmp_path: Path) -> None:
    script = (
        "import sys; from app.client import Client, Unauthorized\n"
        f"marts = Client({server.url!r}, token='none')\n"
        "try: marts.years().rows()\n"
        "except Unauthorized: print(*{name.split('.')[0] for name in sys.modules})\n"
        "print(*(name for name in sys.modules if name.startswith('app.')))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    loaded, own = (line.split() for line in done.stdout.splitlines())
    assert "httpx" in loaded
    assert not {"polars", "pandas", "pyarrow", "numpy", "pydantic", "sqlalchemy", "fastapi"} & set(loaded)
    assert own
    assert all(name.startswith("app.client") for name in own)


def test_it_stays_small() -> None:
    folder = Path(queries.__file__).parent
    lines = {file.name: file.read_text().count("\n") for file in folder.glob("*.py")}
    assert max(lines.values()) <= LARGEST_FILE
    assert sum(lines.values()) <= LARGEST_ALL


def test_a_run_holds_what_it_says(document: Any, server: Server, client_of_all: tuple[str, str]) -> None:
    from app.client import Client

    client_id, secret = client_of_all
    with Client(server.url, client_id=client_id, client_secret=secret) as marts:
        run = marts.run(FIRST)
    assert set(run) == set(get_type_hints(rows.Run))
    assert set(run["files"][0]) == set(get_type_hints(rows.DeliveryFile))
