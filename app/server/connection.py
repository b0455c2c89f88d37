"""One connection, on which many a client asks the same again and again."""

from typing import Any

from app.server.limits import PIECE
from app.server.protocol import Protocol


class Connection(Protocol):
    """Speaks HTTP, and does not parse once more what came just now, byte by byte, and was answered at once.

    Parsing takes as long as everything else about a finished answer. What is kept for it is the last request,
    which its connection holds anyway.
    """

    #: What came, and the scope that was made of it; no bytes where it is not to be taken again.
    _known = b""
    _scope: Any = None
    #: Requests that began in what came last.
    _begun = 0

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        at_rest = self._at_rest
        if at_rest and data == self._known:
            self._again()
            return
        self._known, self._begun = b"", 0
        super().data_received(data)
        if at_rest and self._begun == 1 and len(data) <= PIECE and self._at_rest and self.cycle.keep_alive:
            self._known, self._scope = data, {**self.scope}

    @property
    def _at_rest(self) -> bool:
        """Whether everything that came was a whole request and is answered, and more may come."""
        if self.deaf or self._held or self.pipeline or self.traffic.draining_since is not None:
            return False
        return self.cycle is not None and self.cycle.response_complete and not self.in_head

    def _begin(self) -> None:
        self._begun += 1
        super()._begin()

    def _again(self) -> None:
        """Begin the request once more."""
        scope: Any = {**self._scope, "state": self.app_state.copy()}
        self.scope = scope
        cycle = self.cycle = self._cycle(keep_alive=True)
        cycle.more_body = False
        self._start_asgi_task(cycle, self.app)
