"""Operations: is the process alive, can it answer, what has it done."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.auth.service import Auth
from app.errors import StoreFailure
from app.ops.metrics import CONTENT_TYPE, Metrics
from app.routers import schemas
from app.routers.problems import problem
from app.serving.store import MartStore

NO_STORE = {"Cache-Control": "no-store"}
#: By then a balancer has another server, or this one is back.
RETRY_ELSEWHERE = {"Retry-After": "2"}
METRICS_TEXT: dict[str, Any] = {"content": {"text/plain": {"schema": {"type": "string"}}}}
router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """The process answers."""

    status: str = "ok"


class IssuerReadiness(BaseModel):
    """How it stands with the keys of a trusted issuer."""

    issuer: str
    status: Literal["current", "stale", "unavailable"] = Field(
        description="current: fetched the last time. stale: not, and known keys serve on. unavailable: there"
        " are none, and the issuer's tokens are refused."
    )
    keys: int = Field(description="How many keys serve.")
    fetched_at: datetime | None = Field(description="When they were fetched; null where they never were.")


class Readiness(BaseModel):
    """The store could be read."""

    status: str = "ready"
    published: str | None = Field(description="Id of the published run; null where nothing is published.")
    issuers: list[IssuerReadiness] = Field([], description="Trusted issuers, where there are any.")


@router.get("/healthz", summary="Liveness", response_model=Health)
async def healthz() -> Response:
    """Say that the process answers."""
    return _json(Health())


@router.get("/readyz", summary="Readiness", response_model=Readiness, responses=schemas.errors(503))
async def readyz(request: Request) -> Response:
    """Say that the store can be read, and which run is published; 503 while it cannot, and before the end.

    A trusted issuer that is down is said and changes no status: tokens of all others are as good as before.
    """
    if getattr(request.state, "draining", False):  # set by the server
        return problem(request.scope, 503, "The server is about to end.", "Draining", RETRY_ELSEWHERE)
    auth: Auth = request.app.state.auth
    issuers = [IssuerReadiness(**vars(state)) for state in auth.issuers.states()]
    answer = Readiness(published=_published(request), issuers=issuers)
    return _json(answer, without=() if issuers else {"issuers"})


@router.get("/metrics", summary="Metrics", response_class=Response, responses={200: METRICS_TEXT})
async def metrics(request: Request) -> Response:
    """Give the counters of all workers of this server in Prometheus' text format."""
    counted: Metrics = request.app.state.metrics
    try:
        published = _published(request)
    except StoreFailure:
        published = None
    return Response(counted.exposition(published), headers={**NO_STORE, "Content-Type": CONTENT_TYPE})


def _published(request: Request) -> str | None:
    store: MartStore = request.app.state.store
    run = store.state().current
    return run.run_id if run else None


def _json(answer: BaseModel, without: Collection[str] = ()) -> Response:
    return Response(
        answer.model_dump_json(exclude=set(without)), headers=NO_STORE, media_type="application/json"
    )
