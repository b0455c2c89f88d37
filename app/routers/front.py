"""The hot path: listings are answered here, in front of FastAPI, whose routing costs more than the answer.

It is a shortcut and nothing else. FastAPI has the same routes over the same gate and the same answers, and
gets every request that is not a plain GET of a listing, however its path is spelled.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth.gate import Gate
from app.errors import AppError
from app.ops.metrics import Metrics
from app.routers.head import read_head, within
from app.routers.problems import answer_to
from app.routers.sending import send_answer
from app.serving.answer import Answer
from app.serving.answers import Answers
from app.serving.listings import LISTINGS, Listing

SCOPE = "marts:read"
#: Name in the state of a request of the claims that it was admitted with: it is counted once.
_ADMITTED = "admitted"
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

    def at_once(self, scope: Scope) -> Answer | None:
        """Return the answer to a GET of a listing that is finished or soon made, None to any other request.

        Whatever stands in the way is found again on the long way, which says so.
        """
        listing = _BY_PATH.get(scope["raw_path"])
        if listing is None or scope["method"] != "GET":
            return None
        head, state = read_head(scope), scope["state"]
        try:
            claims = self._gate.recognise(head.authorization, head.ask.query)
            if claims is None or SCOPE not in claims.scopes:
                return None
            self._gate.permit(claims, SCOPE, state)
            state[_ADMITTED] = claims
            ask = within(scope, self._gate.restrictions(claims))
            found = self._answers.at_once(listing, ask)
        except AppError:
            return None
        if found is None:
            return None
        answer, result = found
        scope["route"] = listing
        state["client_id"], state["jti"] = claims.client_id, claims.jti
        state["run_id"], state["rows"] = answer.headers.get("Run-Id"), answer.rows
        self._metrics.cache(result)
        return answer

    async def _answer(self, listing: Listing, scope: Scope) -> Answer:
        head, state = read_head(scope), scope["state"]
        claims = state.get(_ADMITTED)
        if claims is None:
            claims = await self._gate.admit(head.authorization, head.ask.query, SCOPE, state)
        state["client_id"], state["jti"] = claims.client_id, claims.jti
        ask = within(scope, self._gate.restrictions(claims))
        answer, result = await self._answers.answer(listing, ask)
        self._metrics.cache(result)
        return answer
