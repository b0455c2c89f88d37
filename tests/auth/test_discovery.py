"""Fetching keys from a provider that is wrong, hostile or slow: nothing but keys ever comes of it."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from app.auth import discovery
from app.auth.discovery import FetchFailed, fetch_key_set
from app.auth.issuers import Issuers, Schedule
from app.settings.issuers import ExternalIssuer, read_issuers
from tests.auth.test_jwks import public
from tests.support.waiting import wait_until

KEYS = b'{"keys":[]}'
OIDC, OAUTH = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"


class Site:
    """A web site on this machine; a test says what each path answers: a body, or what writes one."""

    def __init__(self) -> None:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                answer = site.pages.get(self.path)
                if callable(answer):
                    answer(self)
                    return
                self.send_response(404 if answer is None else 200)
                self.end_headers()
                self.wfile.write(answer or b"")

            def log_message(self, *_: Any) -> None:
                """Stay quiet."""

        self.pages: dict[str, bytes | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def metadata(self, path: str = "", **changes: Any) -> bytes:
        return json.dumps({"issuer": self.url + path, "jwks_uri": f"{self.url}/keys", **changes}).encode()

    def issuer(self, path: str = "", **setting: Any) -> ExternalIssuer:
        (issuer,) = read_issuers(json.dumps([{"issuer": self.url + path, "audience": "x", **setting}]))
        return issuer


@pytest.fixture
def site() -> Iterator[Site]:
    """A site that has keys and nothing else."""
    made = Site()
    made.pages["/keys"] = KEYS
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.mark.parametrize(
    ("issuer", "well_known"),
    [
        ("", OIDC),
        ("/", OIDC),
        ("/tenant", f"/tenant{OIDC}"),
        ("/tenant/", f"/tenant{OIDC}"),
        ("/tenant", f"{OAUTH}/tenant"),
        ("", OAUTH),
        ("/", OAUTH),
    ],
)
def test_the_metadata_is_found_where_the_standards_say(site: Site, issuer: str, well_known: str) -> None:
    """OpenID Connect Discovery 1.0, section 4, and RFC 8414, section 3.1."""
    site.pages[well_known] = site.metadata(issuer)
    assert fetch_key_set(site.issuer(issuer)) == KEYS
    assert site.asked[-2:] == [well_known, "/keys"]


def test_keys_at_a_set_place_need_no_metadata(site: Site) -> None:
    assert fetch_key_set(site.issuer(jwks_url=f"{site.url}/keys")) == KEYS
    assert site.asked == ["/keys"]


def fails(issuer: ExternalIssuer, message: str) -> None:
    """Assert that no keys are had, for this reason."""
    with pytest.raises(FetchFailed, match=message):
        fetch_key_set(issuer)


@pytest.mark.parametrize("path", ["/", "/other"])
def test_metadata_of_another_issuer_is_refused(site: Site, path: str) -> None:
    site.pages[OIDC] = site.metadata(path)
    fails(site.issuer(), "another issuer")
    assert "/keys" not in site.asked


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("http://keys.example/keys", "must be https"),
        ("file:///etc/passwd", "must be an https URL"),
        ("https://user@keys.example/", "without user"),
        ("https://keys.example/?a=b", "without user, query"),
        ("//keys.example", "must be an https URL"),
        ("https://keys.example/\n", "must be an https URL"),
        (None, "must be an https URL"),
        (7, "must be an https URL"),
    ],
)
def test_metadata_leads_only_to_keys_that_travel_safely(site: Site, uri: Any, message: str) -> None:
    site.pages[OIDC] = site.metadata(jwks_uri=uri)
    fails(site.issuer(), message)


def test_an_issuer_elsewhere_cannot_lead_to_this_machine() -> None:
    (issuer,) = read_issuers('[{"issuer": "https://login.example", "audience": "x"}]')
    for url in ("http://127.0.0.1/keys", "https://localhost/keys", "http://[::1]:8000/keys"):
        with pytest.raises(FetchFailed, match="this machine"):
            discovery._jwks_uri(url, issuer)
    assert discovery._jwks_uri("https://keys.example/keys", issuer) == "https://keys.example/keys"


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"issuer":"a","issuer":"b"}', b"[" * 100_000, b"\xff", b"{"])
def test_metadata_is_strict_json(site: Site, raw: bytes) -> None:
    site.pages[OIDC] = raw
    fails(site.issuer(), "not acceptable")


def _redirect(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "/keys")
    handler.end_headers()


def _huge(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    with_room = b" " * 65536
    try:
        for _ in range(1000):
            handler.wfile.write(with_room)
    except OSError:
        return  # whom it was for has enough


def _packed(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.end_headers()
    handler.wfile.write(KEYS)


def _slow(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(200):
            handler.wfile.write(b" ")
            time.sleep(0.02)
    except OSError:
        return  # as above


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (_redirect, "answered 302"),
        (_huge, "more than 524288 bytes"),
        (_packed, "compression"),
        (_slow, "took more than 0.2 s"),
        (lambda handler: handler.wfile.write(b"garbage\r\n\r\n"), "RemoteProtocolError"),
    ],
)
def test_an_answer_is_small_soon_and_direct(
    site: Site, page: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "DEADLINE_S", 0.2)
    site.pages["/elsewhere"] = page
    fails(site.issuer(jwks_url=f"{site.url}/elsewhere"), message)
    assert site.asked == ["/elsewhere"]


def test_nobody_there_is_a_failure(site: Site) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as gone:
        port = gone.server_port
    fails(site.issuer(jwks_url=f"http://127.0.0.1:{port}/keys"), "ConnectError")


@pytest.mark.parametrize(
    ("page", "status"),
    [
        (b"no json", "stale"),
        (b'{"keys":{}}', "stale"),
        (b'{"keys":[]}', "unavailable"),
        (b'{"keys":[{"kty":"oct","k":"AA","kid":"x"}]}', "unavailable"),
    ],
)
def test_only_a_key_set_takes_keys_away(site: Site, page: bytes, status: str) -> None:
    """One without a usable key takes all: its issuer has the last word. Anything else is an outage."""
    site.pages["/keys"] = json.dumps({"keys": [public("ES256")]}).encode()
    found: dict[str, Any] = {}
    issuer = site.issuer(jwks_url=f"{site.url}/keys")
    issuers = Issuers([issuer], lambda it: found.update(keys=it.keys), Schedule(0.02, 0.01, 0.01))
    issuers.start()
    assert list(found["keys"]) == ["k"]
    site.pages["/keys"] = page
    assert wait_until(lambda: issuers.states()[0].status == status)
    issuers.close()
    assert list(found["keys"]) == (["k"] if status == "stale" else [])


def test_a_fetch_that_breaks_in_a_new_way_stops_nothing(site: Site) -> None:
    results = iter([RuntimeError("new"), RuntimeError("again")])
    called: list[str] = []

    def fetch(issuer: ExternalIssuer) -> bytes:
        called.append(issuer.issuer)
        raise next(results, FetchFailed("usual"))

    issuers = Issuers([site.issuer()], lambda _: None, Schedule(0.02, 0.01, 0.01), fetch)
    issuers.start()
    assert wait_until(lambda: len(called) > 3)
    issuers.close()


def test_a_thread_that_waits_for_a_provider_is_not_waited_for(site: Site) -> None:
    waiting, go = threading.Event(), threading.Event()

    def fetch(issuer: ExternalIssuer) -> bytes:
        waiting.set()
        go.wait(10)
        raise FetchFailed("late")

    issuers = Issuers([site.issuer()], lambda _: None, Schedule(first_s=0.01), fetch)
    issuers.start()
    assert waiting.wait(5)
    began = time.monotonic()
    issuers.close()
    assert time.monotonic() - began < 3
    go.set()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for this machine that nobody has signed but itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = tmp_path / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


def test_a_certificate_is_checked(site: Site, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the authorities of the machine, or by the company's own, as ``SSL_CERT_FILE`` says."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    port = site.server.server_port
    issuer = site.issuer(jwks_url=f"https://localhost:{port}/keys")
    fails(issuer, "CERTIFICATE_VERIFY_FAILED")
    assert site.asked == []
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert fetch_key_set(issuer) == KEYS
    fails(site.issuer(jwks_url=f"https://127.0.0.1:{port}/keys"), "CERTIFICATE_VERIFY_FAILED")
