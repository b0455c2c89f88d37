"""Several requests sent before the first is answered."""

import json

import pytest

from tests.support.wire import Wire, request


@pytest.mark.parametrize("count", [2, 30, 3000])
def test_answers_come_in_order(port: int, count: int) -> None:
    names = [f"request-{number}" for number in range(count)]
    with Wire(port) as wire:
        wire.send(b"".join(request("/healthz", f"X-Request-Id: {name}") for name in names))
        assert [wire.answer().headers["x-request-id"] for _ in names] == names
        assert wire.get().status == 200


def test_requests_cut_anywhere(port: int) -> None:
    sent = request("/healthz") + request("/readyz", "X: " + "a" * 5000) + request("/nowhere")
    with Wire(port) as wire:
        for start in range(0, len(sent), 7):
            wire.send(sent[start : start + 7])
        assert [wire.answer().status for _ in range(3)] == [200, 200, 404]


def test_what_is_not_http_ends_only_what_follows_it(port: int) -> None:
    with Wire(port) as wire:
        wire.send(request() + request() + b"what?\r\n\r\n" + request())
        assert [wire.answer().status for _ in range(3)] == [200, 200, 400]
        assert wire.at_end()


def test_a_body_after_another_request(port: int) -> None:
    form = b"grant_type=client_credentials"
    head = request("/oauth/token", f"Content-Length: {len(form)}", method="POST")
    with Wire(port) as wire:
        wire.send(request() + head + form[:5])
        assert wire.answer().status == 200
        wire.send(form[5:] + request())
        assert json.loads(wire.answer().body)["error"]
        assert wire.answer().status == 200
