"""What OpenAPI says of the endpoints, derived from the listings. No answer is ever validated against it."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from app.routers.problems import MEDIA_TYPE
from app.serving import fields
from app.serving.catalogue import CHANGE_FIELDS, RUN_FIELDS
from app.serving.listings import LISTINGS, Listing
from app.serving.parameters import Parameter

RUN_ID, OLD_RUN_ID = RUN_FIELDS["run_id"].example, "20250101T055930000000Z-3d4e5f"


class Meta(BaseModel):
    """What is said of the rows."""

    run_id: str | None = Field(description="Run that the rows come from.")
    as_of: str | None = Field(description="Period that the run's delivery stands for.")
    published_at: str | None = Field(description="First publication of the run, RFC 3339 in UTC.")
    mart: str | None = Field(description="Mart that the rows come from.")
    additive: dict[str, bool] = Field(description="Per dimension, whether rows may be summed over it.")
    count: int = Field(description="Rows of this page.")
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one.")


class Links(BaseModel):
    """Where this page and the next one are."""

    self: str
    next: str | None


class Fault(BaseModel):
    """One parameter at fault."""

    parameter: str
    detail: str


class Problem(BaseModel):
    """An error, RFC 9457."""

    type: str = Field(description="Kind of problem, stable for programs.")
    title: str
    status: int
    detail: str
    instance: str
    request_id: str | None
    errors: list[Fault]


ERRORS = {
    400: "A parameter is unknown or has a bad value.",
    401: "The bearer token is missing or not valid.",
    403: "The token lacks the scope.",
    404: "There is no such run.",
    406: "`Accept` allows no format that there is.",
    409: "The run was pruned.",
    503: "Nothing is published yet, or the store is down; `Retry-After` says when to try again.",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the error responses of an endpoint."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": ERRORS[status], "content": content} for status in statuses}


def parameters(items: Iterable[Parameter]) -> list[dict[str, Any]]:
    """Return query parameters as OpenAPI has them."""
    return [_parameter(item) for item in items]


def _parameter(item: Parameter) -> dict[str, Any]:
    schema = dict(item.schema)
    if item.default is not None:
        schema["default"] = item.default
    shown: dict[str, Any] = {"name": item.name, "in": "query", "description": item.description}
    if item.required:
        shown["required"] = True
    if item.repeatable:
        return {**shown, "schema": {"type": "array", "items": schema}, "style": "form", "explode": True}
    if schema["type"] == "array":
        return {**shown, "schema": schema, "style": "form", "explode": False}
    return {**shown, "schema": schema}


class DeliveryFile(BaseModel):
    """One file of a delivery."""

    path: str
    size: int = Field(description="Bytes.")
    sha256: str


_TYPES: dict[str, Any] = {"integer": int, "text": str}
_OBJECTS: dict[str, Any] = {
    "rejects": dict[str, int],
    "without": dict[str, int],
    "tables": dict[str, int],
    "files": list[DeliveryFile],
    "key": dict[str, int | str],
    "before": dict[str, float | None],
    "after": dict[str, float | None],
}


def row_model(name: str, row: Iterable[fields.Field]) -> type[BaseModel]:
    """Return the model of a row. Every field may be absent: ``fields`` chooses them."""
    definitions: dict[str, Any] = {}
    for item in row:
        kind = float if item.scale else _OBJECTS[item.name] if item.kind == "object" else _TYPES[item.kind]
        # A factory keeps the default out of the schema: a field is absent, never defaulted.
        shown = Field(default_factory=str, description=item.description)
        definitions[item.name] = (kind | None if item.nullable else kind, shown)
    return create_model(name, __config__=ConfigDict(extra="forbid"), **definitions)


def page_model(name: str, row: type[BaseModel]) -> type[BaseModel]:
    """Return the model of an envelope over rows."""
    return create_model(name, data=(list[row], ...), meta=(Meta, ...), links=(Links, ...))  # type: ignore[valid-type] # a model made at run time


def example(data: Any, path: str, mart: str | None = None, additive: Mapping[str, bool] | None = None) -> Any:
    """Return an example of an envelope."""
    return {
        "data": data,
        "meta": {
            "run_id": RUN_ID,
            "as_of": "2025-01-31",
            "published_at": "2025-02-01T06:00:00.000000Z",
            "mart": mart,
            "additive": additive or {},
            "count": 1,
            "next_cursor": None,
        },
        "links": {"self": path, "next": None},
    }


def examples() -> dict[str, Any]:
    """Return an example of the answer of every endpoint under ``/v1``, by path."""
    run, change = _example_row(RUN_FIELDS.values()), _example_row(CHANGE_FIELDS.values())
    found = {
        "/v1/runs": example([run], "/v1/runs"),
        "/v1/runs/current": example(run, "/v1/runs/current"),
        "/v1/runs/{run_id}": example(run, f"/v1/runs/{RUN_ID}"),
        "/v1/runs/{run_id}/changes": example([change], f"/v1/runs/{RUN_ID}/changes?since={OLD_RUN_ID}"),
    }
    for item in LISTINGS:
        view = next(iter(item.views.values()))
        row = _example_row(view.fields.values())
        found[item.path] = example([row], item.path, item.mart.name, view.additive)
    return found


def listing(item: Listing) -> dict[str, Any]:
    """Return what FastAPI needs to document a listing."""
    row = _union(view.fields for view in item.views.values())
    name = _name(item.path)
    return {
        "response_model": page_model(f"{name}Page", row_model(f"{name}Row", row)),
        "responses": errors(400, 401, 403, 404, 406, 409, 503),
        "openapi_extra": {"parameters": parameters(item.parameters.values())},
    }


def run_page() -> dict[str, Any]:
    """Return what FastAPI needs to document the list of runs."""
    return {
        "response_model": page_model("RunsPage", RunRow),
        "responses": errors(400, 401, 403, 406, 503),
    }


def one_run(*statuses: int) -> dict[str, Any]:
    """Return what FastAPI needs to document one run; ``statuses`` are its own errors."""
    return {"response_model": RunAnswer, "responses": errors(400, 401, 403, 406, *statuses)}


def change_page() -> dict[str, Any]:
    """Return what FastAPI needs to document the changes of a run."""
    row = row_model("ChangeRow", CHANGE_FIELDS.values())
    return {
        "response_model": page_model("ChangesPage", row),
        "responses": errors(400, 401, 403, 404, 406, 409, 503),
    }


def _union(views: Iterable[Mapping[str, fields.Field]]) -> Iterable[fields.Field]:
    return {name: item for view in views for name, item in view.items()}.values()


def _example_row(row: Iterable[fields.Field]) -> dict[str, Any]:
    return {item.name: item.example for item in row}


def _name(path: str) -> str:
    words = path.removeprefix("/v1/").replace("/", "-").split("-")
    return "".join(word.capitalize() for word in words)


RunRow = row_model("RunRow", RUN_FIELDS.values())
RunAnswer = create_model("RunAnswer", data=(RunRow, ...), meta=(Meta, ...), links=(Links, ...))
