"""Requests to the OAuth2 endpoints: form, client credentials and scope, as RFC 6749 spells them."""

import binascii
from base64 import b64decode
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_plus

from app.auth.errors import OAuthError

FORM = "application/x-www-form-urlencoded"
MAX_BODY = 8192
MAX_FIELDS = 20
#: Parameters that must not be sent in the URL, where logs keep them (RFC 6749, section 2.3.1).
BODY_ONLY = frozenset(
    {"grant_type", "scope", "client_id", "client_secret", "token", "token_type_hint", "access_token"}
)


@dataclass(frozen=True)
class Credentials:
    """What a client says to prove who it is."""

    client_id: str
    secret: str = field(repr=False)


def read_form(content_type: str, body: bytes, query: Iterable[str]) -> dict[str, str]:
    """Read the parameters of a request; those without a value count as absent (RFC 6749, section 3.2).

    Raises:
        OAuthError: ``invalid_request``.
    """
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise OAuthError("invalid_request", f"the content type must be {FORM}")
    if not BODY_ONLY.isdisjoint(query):
        raise OAuthError("invalid_request", "parameters belong in the body, never in the URL")
    pairs = _pairs(body)
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", "a parameter occurs more than once")
    return {name: value for name, value in form.items() if value}


def read_credentials(authorization: Sequence[str], form: Mapping[str, str]) -> Credentials:
    """Return the client's credentials from HTTP Basic or from the form, never from both (section 2.3).

    Raises:
        OAuthError: ``invalid_request`` or ``invalid_client``.
    """
    if len(authorization) > 1:
        raise OAuthError("invalid_request", "the Authorization header occurs more than once")
    if not authorization:
        if "client_id" not in form or "client_secret" not in form:
            raise OAuthError(
                "invalid_client", "send client_id and client_secret, by HTTP Basic or in the form"
            )
        return Credentials(form["client_id"], form["client_secret"])
    credentials = _basic(authorization[0])
    if "client_secret" in form or form.get("client_id", credentials.client_id) != credentials.client_id:
        raise OAuthError(
            "invalid_request", "send the client's credentials once, by HTTP Basic or in the form"
        )
    return credentials


def required(form: Mapping[str, str], name: str) -> str:
    """Return a parameter.

    Raises:
        OAuthError: ``invalid_request``, it is missing.
    """
    if name not in form:
        raise OAuthError("invalid_request", f"the parameter {name} is missing")
    return form[name]


def granted_scopes(asked: str | None, allowed: Collection[str]) -> frozenset[str]:
    """Return the scopes asked for, or all that are allowed where none is named (section 3.3).

    Raises:
        OAuthError: ``invalid_scope``, one of them is not allowed.
    """
    if asked is None:
        return frozenset(allowed)
    scopes = frozenset(asked.split(" "))
    if not scopes <= frozenset(allowed):
        raise OAuthError("invalid_scope", f"this client may have: {' '.join(sorted(allowed))}")
    return scopes


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise OAuthError("invalid_request", "the body is not a form in UTF-8") from None


def _basic(header: str) -> Credentials:
    # Both parts are form-encoded before they are joined (RFC 6749, section 2.3.1).
    scheme, _, encoded = header.partition(" ")
    try:
        text = b64decode(encoded.strip(" "), validate=True).decode()
        client_id, colon, secret = text.partition(":")
        parts = Credentials(unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict"))
    except (binascii.Error, ValueError):
        colon = ""
    if scheme.lower() != "basic" or not colon:
        raise OAuthError("invalid_client", "the Authorization header is not HTTP Basic")
    return parts
