"""Fetching the keys of another issuer: only from where the settings lead, small, soon and without detours."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.auth.strict_json import parse_object
from app.settings.issuers import ExternalIssuer, checked_url, is_loopback

if TYPE_CHECKING:
    import httpx

MAX_BYTES = 512 * 1024
#: For each wait on the network, and for one document as a whole.
TIMEOUT_S, DEADLINE_S = 5.0, 15.0


class FetchFailed(Exception):
    """The keys of an issuer could not be had; the text says why."""


def fetch_key_set(issuer: ExternalIssuer) -> bytes:
    """Return an issuer's JWK set as it was sent; it is found by discovery where no URL is set.

    Raises:
        FetchFailed: it could not be had.
    """
    with _client() as client:
        return _get(client, issuer.jwks_url or _discover(client, issuer))


@contextmanager
def _client() -> Iterator["httpx.Client"]:
    import httpx  # late: only who trusts another issuer needs it

    # Without redirects: the answer comes from where the settings say. Without compression: what is read is
    # what was sent, so that little cannot become much.
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    try:
        with httpx.Client(timeout=TIMEOUT_S, headers=headers, follow_redirects=False) as client:
            yield client
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FetchFailed(f"{type(error).__name__}: {error}") from None


def _discover(client: "httpx.Client", issuer: ExternalIssuer) -> str:
    """Return the URL of the keys as OpenID Connect Discovery 1.0 has it, section 4, or else RFC 8414."""
    parts, base = urlsplit(issuer.issuer), issuer.issuer.rstrip("/")
    oauth = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{urlsplit(base).path}"
    try:
        raw = _get(client, f"{base}/.well-known/openid-configuration")
    except FetchFailed:
        raw = _get(client, oauth)
    try:
        document = parse_object(raw)
    except ValueError as error:
        raise FetchFailed(f"the metadata is not acceptable: {error}") from None
    if document.get("issuer") != issuer.issuer:
        raise FetchFailed("the metadata is that of another issuer")
    return _jwks_uri(document.get("jwks_uri"), issuer)


def _jwks_uri(url: object, issuer: ExternalIssuer) -> str:
    try:
        found = checked_url(str(url))
    except ValueError as error:
        raise FetchFailed(f"the metadata's jwks_uri {error}") from None
    if is_loopback(found) and not is_loopback(issuer.issuer):
        raise FetchFailed("the metadata's jwks_uri leads to this machine")
    return found


def _get(client: "httpx.Client", url: str) -> bytes:
    until = time.monotonic() + DEADLINE_S
    body = b""
    with client.stream("GET", url) as answer:
        if answer.status_code != 200:
            raise FetchFailed(f"{url} answered {answer.status_code}")
        if "content-encoding" in answer.headers:
            raise FetchFailed(f"{url} answered in a compression that was not asked for")
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) > MAX_BYTES:
                raise FetchFailed(f"{url} answered more than {MAX_BYTES} bytes")
            if time.monotonic() > until:
                raise FetchFailed(f"{url} took more than {DEADLINE_S:g} s")
    return body
