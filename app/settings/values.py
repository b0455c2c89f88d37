"""How the values of settings are written, each kind a type that pydantic checks."""

import re
from ipaddress import ip_network
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

PERIODS_S = {"second": 1, "minute": 60, "hour": 3600}
MOST_REQUESTS = 1_000_000


class Rate(NamedTuple):
    """So many requests per period."""

    requests: int
    period_s: int

    def __str__(self) -> str:
        """Return it the way it is written."""
        return f"{self.requests}/{next(name for name, s in PERIODS_S.items() if s == self.period_s)}"


def parse_rate(text: str) -> Rate | None:
    """Read a rate as settings and clients have it; None where it is ``off``.

    Raises:
        ValueError: it is neither.
    """
    if text == "off":
        return None
    found = re.fullmatch("([1-9][0-9]{0,6})/(second|minute|hour)", text)
    if found is None or int(found[1]) > MOST_REQUESTS:
        raise ValueError("must be a rate such as 600/minute, or off")
    return Rate(int(found[1]), PERIODS_S[found[2]])


def listed(text: str) -> list[str]:
    """Return the items of a comma-separated setting."""
    return [item.strip() for item in text.split(",") if item.strip()]


def _database_url(value: SecretStr) -> SecretStr:
    try:
        make_url(value.get_secret_value())
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise ValueError("must be a SQLAlchemy URL such as sqlite:////srv/app/warehouse.sqlite") from None
    return value


def _issuer(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be an http(s) URL without query or fragment (RFC 8414)")
    return value.rstrip("/")


def _rate(value: str) -> str:
    parse_rate(value)
    return value


def _redis_url(value: SecretStr) -> SecretStr:
    if not _is_redis(value.get_secret_value()):
        raise ValueError("must be a URL such as redis://localhost:6379/0")
    return value


def _is_redis(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"redis", "rediss", "unix"} and parts.port != 0
    except ValueError:  # a port that is no number
        return False


def _networks(value: str) -> str:
    for item in listed(value):
        try:
            ip_network(item)
        except ValueError:
            raise ValueError(f"{item!r} must be an address or a network such as 10.0.0.0/8") from None
    return value


def _hosts(value: str) -> str:
    for item in listed(value):
        if re.fullmatch(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]", item.lower()) is None:
            raise ValueError(f"{item!r} must be a name such as api.example.org, without a port")
    return value


def _origins(value: str) -> str:
    for item in listed(value):
        parts = urlsplit(item)
        if parts.scheme not in {"http", "https"} or item != f"{parts.scheme}://{parts.netloc.lower()}":
            raise ValueError(f"{item!r} must be an origin such as https://app.example.org, in lower case")
    return value


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
IssuerUrl = Annotated[str, AfterValidator(_issuer)]
RateText = Annotated[str, AfterValidator(_rate)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
Networks = Annotated[str, AfterValidator(_networks)]
Hosts = Annotated[str, AfterValidator(_hosts)]
Origins = Annotated[str, AfterValidator(_origins)]
