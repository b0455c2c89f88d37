"""What is refused before the application sees it, in the one shape of errors, and what is not."""

import pytest

from tests.support.wire import Answer, Wire, request

KIB = 1024
FIELDS = {"type", "title", "status", "detail", "instance", "request_id", "errors"}
FORM = "Content-Type: application/x-www-form-urlencoded"
CHUNKED = "Transfer-Encoding: chunked"


def post(*headers: str, version: str = "1.1") -> bytes:
    return request("/oauth/token", FORM, *headers, method="POST").replace(
        b"HTTP/1.1", f"HTTP/{version}".encode()
    )


def assert_refused(answer: Answer, status: int) -> None:
    """The answer has the shape of every error, and ends the connection."""
    assert answer.status == status
    assert answer.problem.keys() == FIELDS
    assert answer.problem["status"] == status
    assert answer.problem["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["connection"] == "close"


NOT_HTTP = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "unknown method": b"SMUGGLE / HTTP/1.1\r\nHost: a\r\n\r\n",
    "no version": b"GET / FTP/1.1\r\nHost: a\r\n\r\n",
    "space in target": b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "bytes in target": b"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: a\n\n",
    "folded header": b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
    "space before colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
    "bare carriage return": b"GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "tunnel": b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
}
SMUGGLED = b"5\r\nabcde\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n"
AMBIGUOUS = {
    "length, then chunked": ("Content-Length: 5", CHUNKED),
    "chunked, then length": (CHUNKED, "Content-Length: 5"),
    "two lengths": ("Content-Length: 5", "Content-Length: 6"),
    "one length twice": ("Content-Length: 5", "Content-Length: 5"),
    "list of lengths": ("Content-Length: 5, 5",),
    "signed length": ("Content-Length: +5",),
    "huge length": ("Content-Length: 99999999999999999999999999",),
    "chunked twice": (CHUNKED, CHUNKED),
    "chunked not last": ("Transfer-Encoding: chunked, gzip",),
    "hidden chunked": ("Transfer-Encoding: \x0bchunked",),
    "upgrade with a body": ("Connection: upgrade", "Upgrade: h2c", "Content-Length: 5"),
}


@pytest.mark.parametrize("sent", NOT_HTTP.values(), ids=NOT_HTTP)
def test_what_is_not_http_is_400(port: int, sent: bytes) -> None:
    with Wire(port) as wire:
        assert_refused(wire.send(sent).answer(), 400)
        assert wire.at_end()


@pytest.mark.parametrize("headers", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a_body_of_two_readings_is_refused_with_all_that_follows(port: int, headers: tuple[str, ...]) -> None:
    with Wire(port) as wire:
        assert_refused(wire.send(post(*headers) + SMUGGLED).answer(), 400)
        assert wire.at_end()


@pytest.mark.parametrize("coding", ["gzip, chunked", "identity, chunked", "x, chunked"])
def test_other_codings_are_501(port: int, coding: str) -> None:
    with Wire(port) as wire:
        assert_refused(wire.send(post(f"Transfer-Encoding: {coding}") + SMUGGLED).answer(), 501)
        assert wire.at_end()


def test_chunks_of_http_1_0_are_400(port: int) -> None:
    with Wire(port) as wire:
        assert_refused(wire.send(post(CHUNKED, version="1.0") + SMUGGLED).answer(), 400)


@pytest.mark.parametrize("version", ["2.0", "0.9"])
def test_other_versions_are_505(port: int, version: str) -> None:
    with Wire(port) as wire:
        assert_refused(wire.send(f"GET /healthz HTTP/{version}\r\nHost: a\r\n\r\n".encode()).answer(), 505)


def test_the_answer_names_what_was_asked(port: int) -> None:
    with Wire(port) as wire:
        answer = wire.send(b"GET /v1/runs?x=1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").answer()
    assert answer.problem["instance"] == "/v1/runs"


@pytest.mark.parametrize(
    ("size", "status"), [(8 * KIB, 200), (8 * KIB + 1, 414), (12 * KIB, 414), (500 * KIB, 414)]
)
def test_length_of_the_request_line(port: int, size: int, status: int) -> None:
    with Wire(port) as wire:
        target = "/healthz?".ljust(size, "a")
        answer = wire.send(request(target)).answer()
        assert answer.status == status
        if status == 414:
            assert_refused(answer, 414)
            assert wire.at_end()


@pytest.mark.parametrize(("size", "status"), [(15 * KIB, 200), (16 * KIB, 431), (1400 * KIB, 431)])
def test_size_of_the_head(port: int, size: int, status: int) -> None:
    with Wire(port) as wire:
        answer = wire.send(request("/healthz", "X: " + "a" * size)).answer()
        assert answer.status == status
        if status == 431:
            assert_refused(answer, 431)
            assert wire.at_end()


def test_the_size_is_the_same_however_it_comes(port: int) -> None:
    head = request("/healthz", *(f"X{number}: {'a' * KIB}" for number in range(17)))
    with Wire(port) as wire:
        for start in range(0, len(head), 500):
            wire.send(head[start : start + 500])
        assert_refused(wire.answer(), 431)


@pytest.mark.parametrize(("count", "status"), [(99, 200), (100, 431)])
def test_number_of_headers(port: int, count: int, status: int) -> None:
    with Wire(port) as wire:
        answer = wire.get("/healthz", *["X: a"] * count)  # and Host
    assert answer.status == status


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(port: int) -> None:
    with Wire(port) as wire:
        assert_refused(wire.send(post(f"Content-Length: {64 * KIB + 1}")).answer(), 413)
        assert wire.at_end()


def test_a_body_of_the_largest_size_reaches_the_endpoint(port: int) -> None:
    with Wire(port) as wire:
        answer = wire.send(post(f"Content-Length: {64 * KIB}") + b"a" * 64 * KIB).answer()
        assert b"error_description" in answer.body
        assert wire.get().status == 200


@pytest.mark.parametrize("size", [1, 100, 16 * KIB])
def test_chunks_that_are_too_much(port: int, size: int) -> None:
    chunk = b"%x\r\n%s\r\n" % (size, b"a" * size)
    with Wire(port) as wire:
        assert_refused(wire.send(post(CHUNKED) + chunk * (80 * KIB // size)).answer(), 413)


def test_chunks_that_are_not_too_much(port: int) -> None:
    with Wire(port) as wire:
        answer = wire.send(post(CHUNKED) + b"5\r\nabcde\r\n0\r\n\r\n").answer()
        assert b"error_description" in answer.body
        assert wire.get().status == 200


def test_broken_chunks_are_400(port: int) -> None:
    with Wire(port) as wire:
        assert_refused(wire.send(post(CHUNKED) + b"zz\r\nabcde\r\n0\r\n\r\n").answer(), 400)


def test_the_answer_arrives_though_the_client_goes_on_sending(port: int) -> None:
    with Wire(port) as wire:
        wire.send(post("Content-Length: 5000000"))
        wire.send(b"a" * 5_000_000)
        assert_refused(wire.answer(), 413)
        assert wire.at_end()


def test_trailers_are_not_headers(port: int) -> None:
    with Wire(port) as wire:
        trailers = b"X-Request-Id: trailer\r\nHost: trailer\r\n\r\n"
        answer = wire.send(post(CHUNKED) + b"5\r\nabcde\r\n0\r\n" + trailers).answer()
        assert answer.headers["x-request-id"] != "trailer"
        assert wire.get().status == 200


def test_trailers_without_end_are_413(port: int) -> None:
    with Wire(port) as wire:
        wire.send(post(CHUNKED) + b"0\r\n" + b"X: a\r\n" * 20_000)
        assert_refused(wire.answer(), 413)


def test_a_client_may_ask_before_it_sends_the_body(port: int) -> None:
    with Wire(port) as wire:
        assert wire.send(post("Content-Length: 5", "Expect: 100-continue")).answer().status == 100
        assert b"error_description" in wire.send(b"abcde").answer().body
    with Wire(port) as wire:
        assert_refused(wire.send(post("Content-Length: 99999", "Expect: 100-continue")).answer(), 413)


def test_an_upgrade_is_not_offered(port: int) -> None:
    with Wire(port) as wire:
        wire.send(request("/healthz", "Connection: upgrade", "Upgrade: websocket") + request())
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert wire.at_end()


def test_refusals_are_counted_like_other_requests(port: int) -> None:
    with Wire(port) as wire:
        wire.send(b"PUT /healthz HTTP/1.1\r\n\r\n").answer()
    with Wire(port) as wire:
        counted = wire.get("/metrics").body.decode().splitlines()
    assert any('method="PUT"' in line and 'status="400"' in line for line in counted)
