"""Aggregates, rankings and dimensions: one endpoint per listing that the marts give."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from app.ops.metrics import Metrics
from app.routers import schemas
from app.routers.front import SCOPE
from app.routers.head import read_head
from app.routers.security import require
from app.routers.sending import Sent
from app.serving.answers import Answers
from app.serving.listings import LISTINGS, Listing

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


def _endpoint(listing: Listing) -> Endpoint:
    async def read(request: Request) -> Response:
        answers: Answers = request.app.state.answers
        metrics: Metrics = request.app.state.metrics
        answer, result = await answers.answer(listing, read_head(request.scope).ask)
        metrics.cache(result)
        return Sent(answer)

    return read


router = APIRouter(dependencies=[Depends(require(SCOPE))])
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
