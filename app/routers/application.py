"""The FastAPI application with layers in front of it and a complete OpenAPI document."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from app.routers import schemas

REFERENCE = "#/components/schemas/{model}"


class Application(FastAPI):
    """FastAPI's own document lacks our one error body, and drops what is null from examples."""

    _entrance: ASGIApp | None = None

    def enter_by(self, layers: Callable[[ASGIApp], ASGIApp]) -> None:
        """Put layers in front of everything that FastAPI does itself, its own middleware included."""
        self._entrance = layers(super().__call__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection or request."""
        await (self._entrance or super().__call__)(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        document = super().openapi()
        problem = schemas.Problem.model_json_schema(ref_template=REFERENCE)
        document["components"]["schemas"] |= {**problem.pop("$defs"), "Problem": problem}
        for path, example in schemas.examples().items():
            answer = document["paths"][path]["get"]["responses"]["200"]
            answer["content"]["application/json"]["example"] = example
        return document
