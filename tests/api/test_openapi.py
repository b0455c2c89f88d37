"""The OpenAPI document: complete, consistent, and true."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.api.conftest import FIRST, SECOND
from tests.api.test_parameters import KNOWN
from tests.support.http import Api

#: What any request may be answered with (tests/server), and what questions for rows may be.
EVERYWHERE = {"400", "408", "414", "421", "431", "500", "503"}
READING = {"200", "304", "400", "401", "403", "406", "429"} | EVERYWHERE
MEASURES = {"budget", "revenue", "profit", "popularity"}
PATHS = {path.replace(FIRST, "{run_id}").replace(SECOND, "{run_id}"): path for path in KNOWN}


@pytest.fixture(scope="module")
def document(shared: tuple[Api, Any]) -> Any:
    return shared[0].get("/openapi.json").json()


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def resolve(document: Any, item: Any) -> Any:
    if "$ref" not in item:
        return item
    _, _, kind, name = item["$ref"].split("/")[-4:]
    return document["components"][kind][name]


def violations(document: Any, schema: Any, value: Any) -> list[str]:
    """Return what a JSON value violates of a schema of the document."""
    whole = {"components": document["components"], **schema}
    return [error.message for error in OAS31Validator(whole).iter_errors(value)]


def test_the_paths_are_those_of_the_contract(document: Any) -> None:
    assert {(path, method) for path, method, _ in operations(document)} == {
        *((path, "get") for path in PATHS),
        *((path, "get") for path in ("/healthz", "/readyz", "/metrics")),
        *((f"/.well-known/{name}", "get") for name in ("oauth-authorization-server", "jwks.json")),
        *((f"/oauth/{name}", "post") for name in ("token", "revoke", "introspect")),
    }


def test_it_is_valid_openapi_31(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_operation_ids_are_unique_and_speak(document: Any) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-z][a-z_]+", name) for name in ids)
    named = {
        path: name.replace("-", "_")
        for path in PATHS
        for name in [path.removeprefix("/v1/").replace("/", "_")]
    }
    of_runs = {
        "/v1/runs": "list_runs",
        "/v1/runs/current": "current_run",
        "/v1/runs/{run_id}": "get_run",
        "/v1/runs/{run_id}/changes": "run_changes",
    }
    given = {path: operation["operationId"] for path, _, operation in operations(document) if path in PATHS}
    assert given == named | of_runs


@pytest.mark.parametrize("path", PATHS)
def test_every_endpoint_is_documented(document: Any, path: str) -> None:
    operation = document["paths"][path]["get"]
    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]
    assert operation["security"]
    answer = operation["responses"]["200"]["content"]["application/json"]
    assert resolve(document, answer["schema"])["required"] == ["data", "meta", "links"]
    of_a_run = {item["name"] for item in operation["parameters"]} & {"run", "run_id"}
    assert set(operation["responses"]) == READING | ({"404", "409"} if of_a_run else set())


def test_every_operation_has_an_example_and_documented_errors(document: Any) -> None:
    for path, _, operation in operations(document):
        assert set(operation["responses"]) >= EVERYWHERE
        assert ("413" in operation["responses"]) == ("requestBody" in operation)
        for status, reference in operation["responses"].items():
            response = resolve(document, reference)
            assert response["description"]
            assert "X-Request-Id" in response["headers"]
            for media_type, content in response.get("content", {}).items():
                assert media_type != "application/json" or status != "200" or "example" in content, path
                if int(status) >= 400 and not path.startswith("/oauth/"):
                    assert media_type == "application/problem+json"


def test_examples_are_what_their_schemas_say(document: Any) -> None:
    contents = [
        (path, content)
        for path, _, operation in operations(document)
        for reference in operation["responses"].values()
        for content in resolve(document, reference).get("content", {}).values()
        if "example" in content
    ]
    assert len(contents) > 20
    for path, content in contents:
        assert violations(document, content["schema"], content["example"]) == [], path


@pytest.mark.parametrize("path", [path for path in PATHS if "/aggregates/" in path])
def test_examples_add_up(document: Any, path: str) -> None:
    (row,) = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["example"][
        "data"
    ]
    assert all(0 < row[f"{name}_known"] <= row["releases"] for name in MEASURES)
    assert row["avg_popularity"] == pytest.approx(row["popularity"] / row["popularity_known"], abs=5e-7)
    assert 0 < row["profit"] < row["revenue"]


@pytest.mark.parametrize("status", ["401", "403", "404", "406", "409", "429", "503", "500"])
def test_example_problems_are_of_their_status(document: Any, status: str) -> None:
    reference = document["paths"]["/v1/aggregates/genres"]["get"]["responses"][status]
    example = resolve(document, reference)["content"]["application/problem+json"]["example"]
    assert example["status"] == int(status)
    assert example["instance"] == "/v1/aggregates/genres"


@pytest.mark.parametrize("path", PATHS)
def test_parameters_are_exactly_those_that_are_known(document: Any, path: str) -> None:
    declared = document["paths"][path]["get"]["parameters"]
    assert {item["name"] for item in declared if item["in"] == "query"} == set(KNOWN[PATHS[path]])
    assert {item["name"] for item in declared if item["in"] == "path"} == set(re.findall("{(.*?)}", path))
    assert all(item["description"] and item["schema"] for item in declared)


@pytest.mark.parametrize("path", PATHS)
def test_media_types_are_those_of_the_formats(api: Api, document: Any, path: str) -> None:
    operation = document["paths"][path]["get"]
    (form,) = (item["schema"]["enum"] for item in operation["parameters"] if item["name"] == "format")
    since = f"since={FIRST}&" if path.endswith("changes") else ""
    sent = [api.get(f"{PATHS[path]}?{since}format={name}").headers["content-type"] for name in form]
    assert sorted(operation["responses"]["200"]["content"]) == sorted(text.split(";")[0] for text in sent)


def test_a_required_parameter_says_so(document: Any) -> None:
    declared = document["paths"]["/v1/runs/{run_id}/changes"]["get"]["parameters"]
    assert {item["name"] for item in declared if item.get("required")} == {"run_id", "since"}


@pytest.mark.parametrize("path", PATHS)
def test_rows_have_the_documented_fields(api: Api, document: Any, path: str) -> None:
    url = f"{PATHS[path]}?since={FIRST}" if path.endswith("changes") else PATHS[path]
    answer = api.get(url).json()
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    data = resolve(document, schema["schema"])["properties"]["data"]
    row = resolve(document, data.get("items", data))
    shown = answer["data"][0] if isinstance(answer["data"], list) else answer["data"]
    assert set(row["properties"]) == set(shown)
    assert violations(document, schema["schema"], answer) == []
    example = schema["example"]["data"]
    assert list(example[0] if isinstance(example, list) else example) == list(shown)
    assert set(schema["example"]["meta"]) == set(answer["meta"])


def test_a_problem_is_what_it_says(api: Api, document: Any) -> None:
    problem = api.get("/v1/aggregates/years?limit=0").json()
    schema = document["components"]["schemas"]["Problem"]
    assert set(schema["properties"]) == set(schema["required"]) == set(problem)
    assert set(document["components"]["schemas"]["Fault"]["properties"]) == set(problem["errors"][0])


def test_security_is_client_credentials(document: Any) -> None:
    (scheme,) = document["components"]["securitySchemes"].values()
    flow = scheme["flows"]["clientCredentials"]
    assert flow["tokenUrl"] == "/oauth/token"
    assert set(flow["scopes"]) == {"marts:read", "runs:read"}
    for path, _, operation in operations(document):
        scopes = {scope for way in operation.get("security", []) for names in way.values() for scope in names}
        expected = (
            {"runs:read" if path.startswith("/v1/runs") else "marts:read"}
            if path.startswith("/v1")
            else set()
        )
        assert scopes == expected, path


def test_the_docs_page_comes_from_here_alone(api: Api) -> None:
    page = api.get("/docs", headers={"Authorization": None})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.findall(r"https?://", page.text)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
    for name in re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text):
        asset = api.get(f"/{name}", headers={"Authorization": None})
        assert asset.status_code == 200
        assert asset.content
    assert api.get("/docs/redoc.standalone.js").status_code == 404
    assert api.get("/docs/..%2Fcore.py").status_code == 404


def test_documented_headers_are_sent(api: Api, document: Any) -> None:
    for url, names in {
        "/v1/aggregates/years": {"Run-Id", "ETag", "Cache-Control", "Vary", "X-Request-Id"},
        "/v1/aggregates/years?limit=1": {"Link", "Run-Id", "ETag", "Cache-Control", "Vary", "X-Request-Id"},
    }.items():
        assert {name for name in document["components"]["headers"] if name in api.get(url).headers} == names
    answer = document["paths"]["/v1/aggregates/years"]["get"]["responses"]["200"]
    # Sent where something is limited (test_rate_limit.py) and where a replica is read (test_replica.py).
    limit = {"RateLimit", "RateLimit-Policy", "Replica-Age"}
    assert set(answer["headers"]) - limit == names
    assert limit <= set(answer["headers"])
    refused = api.get("/v1/aggregates/years", headers={"Authorization": None})
    assert {"WWW-Authenticate", "X-Request-Id"} <= {
        name for name in document["components"]["headers"] if name in refused.headers
    }
    assert set(document["components"]["responses"]["Unauthorized"]["headers"]) == {
        "WWW-Authenticate",
        "X-Request-Id",
    }
