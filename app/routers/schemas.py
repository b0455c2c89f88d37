"""What OpenAPI says of the endpoints, derived from the listings. No answer is ever validated against it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model

from app.routers.responses import ERRORS, LIMIT, headers
from app.serving import fields
from app.serving.catalogue import CHANGE_FIELDS, RUN_FIELDS
from app.serving.formats import FORMATS
from app.serving.listings import Listing
from app.serving.parameters import Parameter


class Meta(BaseModel):
    """What is said of the rows."""

    run_id: str | None = Field(description="Run that the rows come from.")
    as_of: str | None = Field(description="Period that the run's delivery stands for.")
    published_at: datetime | None = Field(description="First publication of the run, RFC 3339 in UTC.")
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


#: Statuses of every endpoint that reads the store for a client.
READING = (400, 401, 403, 406, 429, 503)
OF_A_RUN = ("Run-Id", "Replica-Age", "ETag", "Cache-Control", "Vary", *LIMIT)
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "`ETag` of the answer that the client has: 304 while it is still the one.",
    "schema": {"type": "string"},
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return error responses of an endpoint; ``responses.referred`` says what they are."""
    return {status: {"description": ERRORS[status][1]} for status in statuses}


def answered(*statuses: int, paged: bool = False, forms: bool = False) -> dict[int | str, dict[str, Any]]:
    """Return the responses of an endpoint under ``/v1``; ``statuses`` are its own errors."""
    known = headers(*OF_A_RUN, *(("Link",) if paged else ()))
    content = _forms() if forms else {}
    unchanged = {"description": "The client's copy is current.", "headers": headers(*OF_A_RUN)}
    return {
        200: {"description": "The rows.", "headers": known, "content": content},
        304: unchanged,
        **errors(*sorted({*READING, *statuses})),
    }


def _forms() -> dict[str, Any]:
    """Return the media types of a listing beside JSON."""
    types = [item.media_type.partition(";")[0] for item in FORMATS.values()]
    return {name: {"schema": _body(name)} for name in types if name != "application/json"}


def _body(media_type: str) -> dict[str, str]:
    text = media_type.startswith("text/") or media_type.endswith("ndjson")
    return {"type": "string"} if text else {"type": "string", "format": "binary"}


def parameters(items: Iterable[Parameter]) -> list[dict[str, Any]]:
    """Return the parameters of an endpoint as OpenAPI has them."""
    return [*(_parameter(item) for item in items), IF_NONE_MATCH]


def _parameter(item: Parameter) -> dict[str, Any]:
    schema = dict(item.schema)
    if item.default is not None:
        schema["default"] = item.default
    shown: dict[str, Any] = {"name": item.name, "in": "query", "description": item.description}
    if item.required:
        shown["required"] = True
    if item.repeatable:
        return {**shown, "schema": {"type": "array", "items": schema}, "style": "form", "explode": True}
    if schema.get("type") == "array":
        return {**shown, "schema": {**schema, "uniqueItems": True}, "style": "form", "explode": False}
    return {**shown, "schema": schema}


class DeliveryFile(BaseModel):
    """One file of a delivery."""

    path: str
    size: int = Field(description="Bytes.")
    sha256: str


Int64 = Annotated[int, Field(json_schema_extra={"format": "int64"})]
_BY_KIND: dict[str, Any] = {"integer": Int64, "text": str}
_BY_NAME: dict[str, Any] = {
    "status": Literal["published", "superseded", "held", "failed"],
    "created_at": datetime,
    "published_at": datetime,
    "rejects": dict[str, int],
    "without": dict[str, int],
    "tables": dict[str, int],
    "files": list[DeliveryFile],
    "key": dict[str, Int64 | str],
}


def row_model(name: str, row: Iterable[fields.Field], whole: bool = False) -> type[BaseModel]:
    """Return the model of a row. Any field may be absent, for ``fields`` chooses them, unless it is whole."""
    definitions: dict[str, Any] = {}
    for item in row:
        kind: Any = float if item.scale else _BY_NAME.get(item.name, _BY_KIND.get(item.kind))
        # A factory keeps the default out of the schema: a field is absent, never defaulted.
        absent = Field(default_factory=str, description=item.description)
        shown = Field(description=item.description) if whole else absent
        definitions[item.name] = (kind | None if item.nullable else kind, shown)
    return create_model(name, **definitions)


Measures = row_model("Measures", fields.MEASURE_FIELDS, whole=True)
_BY_NAME |= {"before": Measures, "after": Measures}


def page_model(name: str, row: type[BaseModel]) -> type[BaseModel]:
    """Return the model of an envelope over rows."""
    return create_model(name, data=(list[row], ...), meta=(Meta, ...), links=(Links, ...))  # type: ignore[valid-type] # a model made at run time


def listing(item: Listing) -> dict[str, Any]:
    """Return what FastAPI needs to document a listing."""
    row = _union(view.fields for view in item.views.values())
    name = _name(item.path)
    return {
        "response_model": page_model(f"{name}Page", row_model(f"{name}Row", row)),
        "responses": answered(404, 409, paged=True, forms=True),
        "openapi_extra": {"parameters": parameters(item.parameters.values())},
    }


def run_page() -> dict[str, Any]:
    """Return what FastAPI needs to document the list of runs."""
    return {"response_model": page_model("RunsPage", RunRow), "responses": answered(paged=True)}


def one_run(*statuses: int) -> dict[str, Any]:
    """Return what FastAPI needs to document one run; ``statuses`` are its own errors."""
    return {"response_model": RunAnswer, "responses": answered(*statuses)}


def change_page() -> dict[str, Any]:
    """Return what FastAPI needs to document the changes of a run."""
    row = row_model("ChangeRow", CHANGE_FIELDS.values())
    return {"response_model": page_model("ChangesPage", row), "responses": answered(404, 409, paged=True)}


def _union(views: Iterable[Mapping[str, fields.Field]]) -> Iterable[fields.Field]:
    return {name: item for view in views for name, item in view.items()}.values()


def _name(path: str) -> str:
    words = path.removeprefix("/v1/").replace("/", "-").split("-")
    return "".join(word.capitalize() for word in words)


RunRow = row_model("RunRow", RUN_FIELDS.values())
RunAnswer = create_model("RunAnswer", data=(RunRow, ...), meta=(Meta, ...), links=(Links, ...))
