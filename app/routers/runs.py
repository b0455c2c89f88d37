"""Runs and what changed between them."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from app.routers import schemas
from app.routers.head import read_head
from app.routers.security import require
from app.routers.sending import Sent
from app.serving.catalogue import CHANGES, RUN, RUNS, Catalogue
from app.serving.parameters import Parameter

RUN_ID = {
    "name": "run_id",
    "in": "path",
    "required": True,
    "description": "Id of a kept run.",
    "schema": {"type": "string", "minLength": 1},
}
router = APIRouter(prefix="/v1/runs", tags=["runs"], dependencies=[Depends(require("runs:read"))])


def _catalogue(request: Request) -> Catalogue:
    catalogue: Catalogue = request.app.state.catalogue
    return catalogue


def _parameters(known: Mapping[str, Parameter], *path: dict[str, Any]) -> dict[str, Any]:
    return {"parameters": [*path, *schemas.parameters(known.values())]}


@router.get("", summary="Runs, the newest first", openapi_extra=_parameters(RUNS), **schemas.run_page())
async def list_runs(request: Request) -> Response:
    """Every kept run: published, superseded, held and failed ones. Works before anything is published."""
    return Sent(await _catalogue(request).runs(read_head(request.scope).ask))


@router.get(
    "/current",
    summary="The published run",
    openapi_extra=_parameters(RUN),
    **schemas.one_run(503),
)
async def current_run(request: Request) -> Response:
    """The run that readers see; 503 while nothing is published."""
    return Sent(await _catalogue(request).current(read_head(request.scope).ask))


@router.get(
    "/{run_id}",
    summary="One run",
    openapi_extra=_parameters(RUN, RUN_ID),
    **schemas.one_run(404, 409, 503),
)
async def get_run(request: Request) -> Response:
    """One kept run by its id."""
    return Sent(await _catalogue(request).run(request.path_params["run_id"], read_head(request.scope).ask))


@router.get(
    "/{run_id}/changes",
    summary="What changed between two runs",
    openapi_extra=_parameters(CHANGES, RUN_ID),
    **schemas.change_page(),
)
async def run_changes(request: Request) -> Response:
    """Rows added, removed or with other measures than in the run `since`, by mart and key."""
    return Sent(
        await _catalogue(request).changes(request.path_params["run_id"], read_head(request.scope).ask)
    )
