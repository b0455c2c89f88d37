"""The FastAPI application with layers in front of it and a complete OpenAPI document."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from app.routers import examples, responses, schemas
from app.routers.requests import Requests, Whole

REFERENCE = "#/components/schemas/{model}"
TAGS = {
    "aggregates": "Measures by year, genre and production company.",
    "rankings": "The top of each year by one measure.",
    "dimensions": "Genres and production companies.",
    "runs": "What was delivered, what became of it, and what changed.",
    "oauth": "Tokens for clients.",
    "operations": "Is it alive, can it answer, what has it done.",
}


class Application(FastAPI):
    """FastAPI's own document lacks our one error body and what all answers share."""

    _entrance: Requests | None = None

    def enter_by(self, layers: Callable[[ASGIApp], Requests]) -> None:
        """Put layers in front of everything that FastAPI does itself, its own middleware included."""
        self._entrance = layers(super().__call__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection or request."""
        await (self._entrance or super().__call__)(scope, receive, send)

    def at_once(self, scope: Scope) -> Whole | None:
        """Return what is finished of an answer before anybody has to wait; see ``Requests.at_once``."""
        return self._entrance.at_once(scope) if self._entrance else None

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if not self.openapi_schema:
            complete(super().openapi())
        return super().openapi()


def complete(document: dict[str, Any]) -> None:
    """Add what FastAPI does not know: the one error body, headers, examples."""
    problem = schemas.Problem.model_json_schema(ref_template=REFERENCE)
    components = document["components"]
    components["schemas"] |= {**problem.pop("$defs"), "Problem": problem}
    components["headers"] = responses.header_components()
    components["responses"] = responses.error_components()
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    for operation in (item for path in document["paths"].values() for item in path.values()):
        operation["responses"] = responses.referred(operation)
    for path, example in examples.answers().items():
        (operation,) = document["paths"][path].values()
        operation["responses"]["200"]["content"]["application/json"]["example"] = example
