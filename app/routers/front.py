"""The hot path: listings are answered here, in front of FastAPI, whose routing costs more than the answer.

It is a shortcut and nothing else. FastAPI has the same routes over the same gate and the same answers, and
gets every request that is not a plain GET of a listing, however its path is spelled.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth.gate import Gate
from app.errors import AppError
from app.ops.metrics import Metrics
from app.routers.problems import answer_to
from app.routers.sending import ask, authorization, send_answer
from app.serving.answer import Answer
from app.serving.answers import Answers
from app.serving.listings import LISTINGS, Listing

SCOPE = "marts:read"
_BY_PATH = {listing.path.encode(): listing for listing in LISTINGS}


class Front:
    """ASGI layer that answers GETs of listings."""

    def __init__(self, app: ASGIApp, gate: Gate, answers: Answers, metrics: Metrics) -> None:
        self._app = app
        self._gate = gate
        self._answers = answers
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a GET of a listing; pass everything else on."""
        listing = _BY_PATH.get(scope.get("raw_path", b""))
        if listing is None or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        scope["route"] = listing
        try:
            answer = await self._answer(listing, scope)
        except AppError as error:
            await answer_to(scope, error)(scope, receive, send)
        else:
            await send_answer(answer, scope, receive, send)

    async def _answer(self, listing: Listing, scope: Scope) -> Answer:
        claims = await self._gate.admit(authorization(scope), scope["query_string"], SCOPE)
        scope["state"]["client_id"] = claims.client_id
        answer, result = await self._answers.answer(listing, ask(scope))
        self._metrics.cache(result)
        return answer
