"""The FastAPI application with a complete OpenAPI document."""

from typing import Any

from fastapi import FastAPI

from app.routers import schemas

REFERENCE = "#/components/schemas/{model}"


class Application(FastAPI):
    """FastAPI's own document lacks our one error body, and drops what is null from examples."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        document = super().openapi()
        problem = schemas.Problem.model_json_schema(ref_template=REFERENCE)
        document["components"]["schemas"] |= {**problem.pop("$defs"), "Problem": problem}
        for path, example in schemas.examples().items():
            answer = document["paths"][path]["get"]["responses"]["200"]
            answer["content"]["application/json"]["example"] = example
        return document
