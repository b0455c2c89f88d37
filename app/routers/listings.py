"""Aggregates, rankings and dimensions: one endpoint per listing that the marts give."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from app.routers import schemas
from app.routers.security import require
from app.serving.answer import Answer, Ask
from app.serving.listings import LISTINGS, Listing
from app.serving.reader import Reader

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


def ask(request: Request) -> Ask:
    """Return what a request asks."""
    headers, scope = request.headers, request.scope
    accept = ", ".join(headers.getlist("accept")) or None
    if_none_match = ", ".join(headers.getlist("if-none-match")) or None
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    return Ask(path, scope["query_string"], accept, if_none_match)


def respond(answer: Answer) -> Response:
    """Return an answer as a response."""
    return Response(answer.body, answer.status, dict(answer.headers), answer.media_type)


def _endpoint(listing: Listing) -> Endpoint:
    async def read(request: Request) -> Response:
        reader: Reader = request.app.state.reader
        return respond(reader.read(listing, ask(request)))

    return read


router = APIRouter(dependencies=[Depends(require("marts:read"))])
for item in LISTINGS:
    router.add_api_route(
        item.path,
        _endpoint(item),
        name=item.path.removeprefix("/v1/").replace("/", "_").replace("-", "_"),
        tags=[item.kind],
        summary=item.summary,
        description=item.description,
        **schemas.listing(item),
    )
