"""Clients that go away: counted as what they are, and what they did not take is not counted as sent."""

import pytest

from app.ops.audit import Audit
from app.ops.metrics import Metrics
from app.routers.requests import Requests
from app.server.limits import Limits
from tests.ops.test_metrics import shown
from tests.support.hand_made import HandMade
from tests.support.waiting import wait_until
from tests.support.wire import Wire, request, running


@pytest.mark.parametrize(("path", "status"), [("/late", 499), ("/wait", 200)])
def test_a_client_that_goes_away(path: str, status: int) -> None:
    """Before there was an answer, and after it had begun."""
    made, metrics = HandMade(), Metrics()
    with running(Requests(made, metrics, None, Audit(None)), Limits(drain_delay_s=0)) as (server, port):
        with Wire(port) as wire:
            wire.send(request(path))
            assert made.waiting.acquire(timeout=5)
        assert wait_until(lambda: not server.traffic.connections)
        made.go.set()
        name = f'http_requests_total{{method="GET",route="unknown",status="{status}"}}'
        assert wait_until(lambda: shown(metrics).get(name) == 1)
        assert shown(metrics)['http_response_bytes_total{route="unknown"}'] == 0
