"""Swagger UI and the OpenAPI document, from the program's own files: the page asks no other host."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse

from app.auth.scopes import SCOPES

#: Carries the files of Swagger UI; nothing of its code is used.
CARRIER = "fastapi_offline"
ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
CACHED = {"Cache-Control": "public, max-age=86400"}
#: Swagger UI sets styles by script, which needs no 'unsafe-inline', and shows icons as data: URLs; all else
#: comes from files of this host.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: What a page of documentation has no use for, and no other window to talk to.
ALONE = {
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Movie marts</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
OPTIONS = {
    "dom_id": "#swagger-ui",
    "url": "openapi.json",
    "validatorUrl": None,
    "displayRequestDuration": True,
}
SCRIPT = f"""const ui = SwaggerUIBundle({orjson.dumps(OPTIONS).decode()});
ui.initOAuth({{scopes: {orjson.dumps(list(SCOPES)).decode()}}});
"""
router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs() -> Response:
    """Show Swagger UI."""
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY, **ALONE})


@router.get("/docs/start.js")
async def start() -> Response:
    """Start Swagger UI with every scope chosen."""
    return Response(SCRIPT, media_type="text/javascript", headers=CACHED)


@router.get("/docs/swagger-ui-bundle.js")
@router.get("/docs/swagger-ui.css")
async def asset(request: Request) -> Response:
    """Serve one file of Swagger UI."""
    name = request.url.path.rpartition("/")[2]
    return FileResponse(_folder() / name, media_type=ASSETS[name], headers=CACHED)


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """Serve the OpenAPI document."""
    return Response(orjson.dumps(request.app.openapi()), media_type="application/json")


@cache
def _folder() -> Path:
    found = find_spec(CARRIER)
    assert found is not None, f"{CARRIER} is not installed"  # noqa: S101 - a broken install
    assert found.submodule_search_locations, f"{CARRIER} is no package"  # noqa: S101 - a broken install
    return Path(found.submodule_search_locations[0]) / "static"
