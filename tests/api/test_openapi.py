"""The OpenAPI document: complete, consistent, and true."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import FIRST, SECOND
from tests.api.test_parameters import KNOWN
from tests.support.http import Api

PATHS = {path.replace(FIRST, "{run_id}").replace(SECOND, "{run_id}"): path for path in KNOWN}


@pytest.fixture(scope="module")
def document(shared: tuple[Api, Any]) -> Any:
    return shared[0].get("/openapi.json").json()


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def resolve(document: Any, schema: Any) -> Any:
    return (
        document["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    )


def test_the_paths_are_those_of_the_contract(document: Any) -> None:
    assert {(path, method) for path, method, _ in operations(document)} == {
        *((path, "get") for path in PATHS),
        *((path, "get") for path in ("/healthz", "/readyz", "/metrics")),
        *((f"/.well-known/{name}", "get") for name in ("oauth-authorization-server", "jwks.json")),
        *((f"/oauth/{name}", "post") for name in ("token", "revoke", "introspect")),
    }


def test_it_is_openapi_31_and_every_reference_resolves(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert names <= set(document["components"]["schemas"])


def test_operation_ids_are_unique_and_speak(document: Any) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-z][a-z_]+", name) for name in ids)


@pytest.mark.parametrize("path", PATHS)
def test_every_endpoint_is_documented(document: Any, path: str) -> None:
    operation = document["paths"][path]["get"]
    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]
    assert operation["security"]
    answer = operation["responses"]["200"]["content"]["application/json"]
    assert answer["example"]["data"]
    assert resolve(document, answer["schema"])["required"] == ["data", "meta", "links"]
    assert {"400", "401", "403", "406", "503"} <= set(operation["responses"])
    assert "422" not in operation["responses"]
    for status, response in operation["responses"].items():
        assert response["description"]
        if status != "200":
            assert response["content"]["application/problem+json"]["schema"]["$ref"].endswith("/Problem")


@pytest.mark.parametrize("path", PATHS)
def test_parameters_are_exactly_those_that_are_known(document: Any, path: str) -> None:
    declared = document["paths"][path]["get"]["parameters"]
    assert {item["name"] for item in declared if item["in"] == "query"} == set(KNOWN[PATHS[path]])
    assert {item["name"] for item in declared if item["in"] == "path"} == set(re.findall("{(.*?)}", path))
    assert all(item["description"] and item["schema"] for item in declared)


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
    example = schema["example"]["data"]
    assert list(example[0] if isinstance(example, list) else example) == list(shown)
    assert set(schema["example"]["meta"]) == set(answer["meta"])
    for name, value in shown.items():
        assert_type(document, row["properties"][name], value)


def assert_type(document: Any, schema: Any, value: Any) -> None:
    schema = resolve(document, schema)
    kinds = [item.get("type", "object") for item in schema.get("anyOf", [schema])]
    names = {
        int: {"integer", "number"},
        float: {"number"},
        str: {"string"},
        dict: {"object"},
        list: {"array"},
        type(None): {"null"},
    }
    assert names[type(value)] & set(kinds), (schema, value)


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
