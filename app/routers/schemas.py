"""What OpenAPI says of the endpoints, derived from the listings. No answer is ever validated against it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from app.routers.problems import MEDIA_TYPE
from app.serving import fields
from app.serving.listings import Listing
from app.serving.parameters import Parameter


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
    if item.repeatable:
        return {**shown, "schema": {"type": "array", "items": schema}, "style": "form", "explode": True}
    if schema["type"] == "array":
        return {**shown, "schema": schema, "style": "form", "explode": False}
    return {**shown, "schema": schema}


_TYPES = {"integer": int, "text": str}


def row_model(name: str, row: Iterable[fields.Field]) -> type[BaseModel]:
    """Return the model of a row. Every field may be absent: ``fields`` chooses them."""
    definitions: dict[str, Any] = {}
    for item in row:
        kind: Any = float if item.scale else _TYPES[item.kind]
        # A factory keeps the default out of the schema: a field is absent, never defaulted.
        shown = Field(default_factory=kind, description=item.description)
        definitions[item.name] = (kind | None if item.nullable else kind, shown)
    return create_model(name, __config__=ConfigDict(extra="forbid"), **definitions)


def page_model(name: str, row: type[BaseModel]) -> type[BaseModel]:
    """Return the model of an envelope over rows."""
    return create_model(name, data=(list[row], ...), meta=(Meta, ...), links=(Links, ...))  # type: ignore[valid-type] # a model made at run time


def example(row: Sequence[fields.Field], path: str, mart: str | None, additive: Mapping[str, bool]) -> Any:
    """Return an example of an envelope."""
    return {
        "data": [{item.name: item.example for item in row}],
        "meta": {
            "run_id": "20250101T000000Z-0123abcd",
            "as_of": "2025-01-01",
            "published_at": "2025-01-01T00:00:00.000000Z",
            "mart": mart,
            "additive": additive,
            "count": 1,
            "next_cursor": None,
        },
        "links": {"self": path, "next": None},
    }


def listing(item: Listing) -> dict[str, Any]:
    """Return what FastAPI needs to document a listing."""
    view = next(iter(item.views.values()))
    row = list(view.fields.values())
    name = _name(item.path)
    return {
        "response_model": page_model(f"{name}Page", row_model(f"{name}Row", row)),
        "responses": {
            200: {
                "content": {
                    "application/json": {"example": example(row, item.path, item.mart.name, view.additive)}
                }
            },
            **errors(400, 401, 403, 404, 406, 409, 503),
        },
        "openapi_extra": {"parameters": parameters(item.parameters.values())},
    }


def _name(path: str) -> str:
    words = path.removeprefix("/v1/").replace("/", "-").split("-")
    return "".join(word.capitalize() for word in words)
