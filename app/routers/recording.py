"""What the OAuth2 endpoints tell the audit log."""

import re
from functools import partial
from typing import Any

from anyio.to_thread import run_sync
from fastapi import Request

from app.ops.audit import Audit
from app.ops.secret_text import MASK
from app.routers.origin import ClientAddress

#: Name in the state of a request of the client's id as it was given.
GIVEN = "client id as given"
#: What is given as an id may be anything, a secret too. No secret is as short as this.
_LIKE_AN_ID = re.compile("[!-~]{1,32}")


async def granted(request: Request, event: str, **fields: Any) -> None:
    """Record what a client is about to get, before it does; the writing is done on another thread.

    Raises:
        StoreFailure: the audit log cannot be written.
    """
    client_id = request.scope["state"]["client_id"]
    await run_sync(partial(_audit(request).write, event, client_id=client_id, **fields, **_asker(request)))


def refused(request: Request, error: str, reason: str) -> None:
    """Record a refusal, if there are not too many of them."""
    given = request.scope.setdefault("state", {}).get(GIVEN)
    _audit(request).refused(
        "token.refused",
        client_id=given if given is None or _LIKE_AN_ID.fullmatch(given) else MASK,
        path=request.scope["route"].path,
        error=error,
        reason=reason,
        **_asker(request),
    )


def asker(request: Request) -> str | None:
    """Return the address that a request comes from."""
    find: ClientAddress = request.app.state.client_address
    return find(request.scope)


def _audit(request: Request) -> Audit:
    audit: Audit = request.app.state.audit
    return audit


def _asker(request: Request) -> dict[str, str | None]:
    return {"address": asker(request), "request_id": request.scope["state"].get("request_id")}
