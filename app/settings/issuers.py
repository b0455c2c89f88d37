"""``APP_TRUSTED_ISSUERS``: identity providers of others whose access tokens are good here too."""

import ipaddress
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

#: Claims that name something else than a client, whatever the issuer.
_NO_CLIENTS = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "scope"})


def is_loopback(url: str) -> bool:
    """Say whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked_url(url: str) -> str:
    """Return a URL that keys may come from: https, or http to this machine.

    Raises:
        ValueError: it is neither, or it has a user, a query, a fragment or characters that no URL has.
    """
    parts = urlsplit(url)
    plain = url.isascii() and url.isprintable() and " " not in url
    if not plain or not parts.hostname or parts.scheme not in {"http", "https"}:
        raise ValueError("must be an https URL")
    if parts.username is not None or parts.query or parts.fragment or url.endswith(("?", "#")):
        raise ValueError("must be a URL without user, query and fragment")
    if parts.scheme == "http" and not is_loopback(url):
        raise ValueError("must be https: keys that travel in the clear can be exchanged")
    _ = parts.port  # raises ValueError where it is no number
    return url


Url = Annotated[str, Field(max_length=200), AfterValidator(checked_url)]
Name = Annotated[str, Field(min_length=1, max_length=255)]


class ExternalIssuer(BaseModel):
    """An identity provider: where its keys are, and how it writes an access token."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    issuer: Url
    #: Without it the keys are found by discovery, from the issuer's own metadata.
    jwks_url: Url | None = None
    audience: Name
    algorithms: Annotated[frozenset[Literal["RS256", "ES256"]], Field(min_length=1)] = frozenset(
        {"RS256", "ES256"}
    )
    scope_claim: Name = "scope"
    #: Scope of theirs to scopes of ours; without it theirs are called like ours.
    scopes: dict[Name, list[Name]] | None = None
    #: Without it ``client_id``, and where a token has none ``azp``.
    client_claim: Name | None = None
    token_types: Annotated[frozenset[Literal["at+jwt", "JWT"]], Field(min_length=1)] = frozenset({"at+jwt"})

    @model_validator(mode="after")
    def _names_a_client(self) -> Self:
        if self.client_claim in _NO_CLIENTS:
            raise ValueError(f"client_claim {self.client_claim!r} does not name a client")
        if self.client_claim == "sub" and "JWT" in self.token_types:
            raise ValueError("client_claim 'sub' needs token type at+jwt: a plain JWT could be an ID token")
        return self


_LIST = TypeAdapter(tuple[ExternalIssuer, ...])


def read_issuers(text: str) -> tuple[ExternalIssuer, ...]:
    """Read a JSON list of issuers, none from an empty text.

    Raises:
        ValueError: names everything that is wrong with it, and where.
    """
    try:
        issuers = _LIST.validate_json(text or "[]")
    except ValidationError as error:
        raise ValueError("; ".join(_fault(item["loc"], item["msg"]) for item in error.errors())) from None
    names = [issuer.issuer for issuer in issuers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"an issuer stands there twice: {', '.join(twice)}")
    return issuers


def _fault(place: tuple[int | str, ...], message: str) -> str:
    where = ".".join(map(str, place))
    return f"{where}: {message.removeprefix('Value error, ')}" if where else message
