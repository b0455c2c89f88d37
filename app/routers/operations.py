"""Operations: is the process alive, can it answer, what has it done."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.auth.service import Auth
from app.errors import StoreFailure
from app.ops.exposition import CONTENT_TYPE
from app.ops.metrics import Metrics
from app.routers import schemas
from app.routers.problems import problem
from app.serving.errors import NoStore
from app.serving.replica import Freshness, Status
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


class ReplicaReadiness(BaseModel):
    """How it stands with this machine's copy of the warehouse."""

    status: Literal["current", "stale", "empty"] = Field(
        description="current: it has what the warehouse has. stale: it may be older, and serves on. empty:"
        " there is no published run in it."
    )
    age_s: int | None = Field(description="Seconds since the warehouse last said what the copy has.")
    synced_at: datetime | None = Field(description="When something was last copied.")
    run: str | None = Field(description="Run that was published then.")
    error: str | None = Field(description="Why the last look at the warehouse failed, if it did.")


class Readiness(BaseModel):
    """The store could be read."""

    status: str = "ready"
    published: str | None = Field(description="Id of the published run; null where nothing is published.")
    issuers: list[IssuerReadiness] = Field([], description="Trusted issuers, where there are any.")
    replica: ReplicaReadiness | None = Field(
        None, description="The copy of the warehouse; absent where the warehouse itself is read."
    )


@router.get("/healthz", summary="Liveness", response_model=Health)
async def healthz() -> Response:
    """Say that the process answers."""
    return _json(Health())


@router.get("/readyz", summary="Readiness", response_model=Readiness, responses=schemas.errors(503))
async def readyz(request: Request) -> Response:
    """Say that the store can be read, and which run is published; 503 while it cannot, and before the end.

    A warehouse that is down is said and changes no status where its copy is read; where there is no copy,
    nothing is published. Nor does a trusted issuer that is down: tokens of all others are as good as before.
    """
    if getattr(request.state, "draining", False):  # set by the server
        return problem(request.scope, 503, "The server is about to end.", "Draining", RETRY_ELSEWHERE)
    auth: Auth = request.app.state.auth
    issuers = [IssuerReadiness(**vars(state)) for state in auth.issuers.states()]
    replica = _replica(request)
    answer = Readiness(published=_published(request), issuers=issuers, replica=replica)
    absent = {"issuers": not issuers, "replica": replica is None}
    return _json(answer, without=[name for name, is_absent in absent.items() if is_absent])


@router.get("/metrics", summary="Metrics", response_class=Response, responses={200: METRICS_TEXT})
async def metrics(request: Request) -> Response:
    """Give the counters of all workers of this server in Prometheus' text format."""
    counted: Metrics = request.app.state.metrics
    try:
        published = _published(request)
    except StoreFailure:
        published = None
    shared = _of_replica(request)
    if published:
        shared["published_run_info", published] = 1
    return Response(counted.exposition(shared), headers={**NO_STORE, "Content-Type": CONTENT_TYPE})


def _published(request: Request) -> str | None:
    store: MartStore = request.app.state.store
    freshness: Freshness | None = request.app.state.freshness
    try:
        run = store.state().current
    except NoStore:
        if freshness is None or freshness.status is None:
            raise
        return None  # the warehouse was asked in vain: all that can be done is done
    return run.run_id if run else None


def _replica(request: Request) -> ReplicaReadiness | None:
    freshness: Freshness | None = request.app.state.freshness
    if freshness is None:
        return None
    status = freshness.status or Status()
    synced_at = None if status.synced_at is None else datetime.fromtimestamp(status.synced_at, UTC)
    return ReplicaReadiness(
        status=freshness.state,
        age_s=freshness.age_s,
        synced_at=synced_at,
        run=status.run,
        error=status.error,
    )


def _of_replica(request: Request) -> dict[tuple[str, ...], float]:
    freshness: Freshness | None = request.app.state.freshness
    if freshness is None or freshness.status is None:
        return {}
    status, age_s = freshness.status, freshness.age_s
    return {
        ("replica_runs",): status.runs,
        ("replica_syncs_total", "done"): status.syncs,
        ("replica_syncs_total", "failed"): status.failures,
        ("replica_sync_seconds",): status.seconds,
        **({} if age_s is None else {("replica_age_seconds",): age_s}),
    }


def _json(answer: BaseModel, without: Collection[str] = ()) -> Response:
    return Response(
        answer.model_dump_json(exclude=set(without)), headers=NO_STORE, media_type="application/json"
    )
