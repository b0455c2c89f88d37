"""A FastAPI endpoint that returns constant bytes without authentication: what the framework alone costs."""

from fastapi import FastAPI, Response

from bench.api.bare_asgi import BODY, HEADERS, START

application = FastAPI(openapi_url=None)


@application.get("/{path:path}")
async def constant(path: str) -> Response:
    """Answer whatever is asked."""
    headers = {name.decode(): value.decode() for name, value in HEADERS}
    return Response(BODY, START["status"], headers)
