"""What is trusted at one moment: issuers with their keys, and what was revoked. Read as one piece."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from sqlalchemy import Connection, select

from app.auth.claims import OWN, Profile, token_identity
from app.auth.keyring import read_keys, verifying_keys
from app.auth.keys import SigningKey
from app.auth.quota import Policy, policy
from app.auth.restrictions import read_restrictions
from app.auth.tables import client_table, revoked_token_table
from app.marts.restrictions import Restrictions
from app.settings import Settings, parse_rate

log = logging.getLogger(__name__)
#: Seconds that clocks may differ.
LEEWAY_S = 30


@dataclass(frozen=True)
class TrustedKey:
    """A public key of an issuer, good for one algorithm; ``expires_at`` is in seconds since the epoch."""

    kid: str
    algorithm: str
    checker: Any
    expires_at: float


@dataclass(frozen=True)
class TrustedIssuer:
    """An issuer, the audience its tokens must be for, and its keys by ``kid``: nothing else verifies them.

    ``profile`` says how it writes its tokens.
    """

    issuer: str
    audience: str
    keys: Mapping[str, TrustedKey]
    profile: Profile = OWN


@dataclass(frozen=True)
class Trust:
    """Everything that deciding about a token takes; it never changes, a newer one takes its place.

    ``restrictions``: by client id, of the clients that may not read everything. ``revoked_tokens`` are
    identities of tokens.
    """

    issuers: Mapping[str, TrustedIssuer]
    signing_keys: tuple[SigningKey, ...]
    revoked_tokens: frozenset[str] = frozenset()
    revoked_clients: frozenset[str] = frozenset()
    restrictions: Mapping[str, Restrictions] = field(default_factory=dict)
    #: What clients may ask that have a rate of their own; None for one without limit.
    policies: Mapping[str, Policy | None] = field(default_factory=dict)

    def with_external(self, issuers: Mapping[str, TrustedIssuer]) -> Self:
        """Return the same with these issuers beside this server itself, whose place none of them takes."""
        return replace(self, issuers={**issuers, **self.issuers})


def key_overlap(settings: Settings) -> timedelta:
    """Return how long a retired key verifies: until the last token that it signed has expired."""
    return timedelta(seconds=settings.token_ttl + LEEWAY_S)


def own_issuer(settings: Settings, keys: tuple[SigningKey, ...], now: datetime) -> TrustedIssuer:
    """Return this server as an issuer."""
    overlap = key_overlap(settings)
    trusted = {
        key.kid: TrustedKey(key.kid, key.algorithm, key.checker, key.verifies_until(overlap).timestamp())
        for key in verifying_keys(keys, now, overlap)
    }
    return TrustedIssuer(settings.issuer, settings.audience, trusted)


def read_trust(connection: Connection, settings: Settings, now: datetime | None = None) -> Trust:
    """Read what is trusted from the accounts database, in one transaction."""
    keys = tuple(read_keys(connection))
    own = own_issuer(settings, keys, now or datetime.now(UTC))
    # This server revokes its own tokens only; those of another issuer are revoked there.
    revoked = connection.scalars(select(revoked_token_table.c.jti))
    tokens = (token_identity(own.issuer, jti) for jti in revoked)
    clients = connection.scalars(
        select(client_table.c.client_id).where(client_table.c.revoked_at.is_not(None))
    )
    return Trust(
        {own.issuer: own},
        keys,
        frozenset(tokens),
        frozenset(clients),
        restrictions=read_restrictions(connection),
        policies=read_policies(connection),
    )


def read_policies(connection: Connection) -> dict[str, Policy | None]:
    """Return the policies of clients that have a rate of their own, by client id."""
    columns = client_table.c.client_id, client_table.c.rate_limit
    found = connection.execute(select(*columns).where(client_table.c.rate_limit.is_not(None)))
    policies: dict[str, Policy | None] = {}
    for client_id, text in found:
        try:
            rate = parse_rate(text)
        except ValueError as error:  # not by our hand; the client keeps to the rate of all
            log.warning("client %s: its rate limit %r %s", client_id, text, error)
        else:
            policies[client_id] = policy(rate, "client") if rate else None
    return policies
