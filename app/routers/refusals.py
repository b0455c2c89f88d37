"""Requests that the server refuses before the application has seen them, answered like any other error."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from app.routers.problems import problem

#: Name under which the server leaves a ``Refusal`` in ``scope["state"]``.
REFUSAL = "refusal"


class Refusal(Exception):
    """Why a request is refused, in the terms of the answer."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


class Refusals:
    """ASGI layer inside of request ids, metrics and the access log: refused requests count as any other."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refused request; pass every other on."""
        refusal: Refusal | None = scope.get("state", {}).get(REFUSAL)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            answer = problem(scope, refusal.status, refusal.detail, headers=refusal.headers)
            await answer(scope, receive, send)


def refuse(scope: Scope, refusal: Refusal) -> None:
    """Mark a request as refused: whatever it asks, no shortcut of the application takes it."""
    scope["state"][REFUSAL] = refusal
    scope["raw_path"] = b""
