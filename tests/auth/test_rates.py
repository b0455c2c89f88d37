"""Rates of clients: their own, that of all, and where they are counted."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from app.auth.clients import create_client, limit_client
from app.auth.errors import InsufficientScope, UnknownClient
from app.auth.gate import Gate
from app.auth.limits import Limits
from app.auth.quota import STANDING
from app.auth.rate_limits import RateLimits
from app.auth.redis_limits import RedisLimits
from app.auth.service import Auth
from app.auth.tables import client_table
from app.database import transaction
from app.errors import ConfigurationError
from app.settings import Rate, Settings


def rates(auth: Auth) -> dict[str, Rate | None]:
    """Return the rates of clients that have one, as they are known to a running server."""
    auth.watcher.refresh()
    policies = auth.watcher.trust.policies
    return {client: kept.rate if kept else None for client, kept in policies.items()}


def test_a_client_has_its_own_rate_until_it_has_none(auth: Auth) -> None:
    client_id = create_client(auth.engine, "demo", ["marts:read"], rate_limit="5/second").client.client_id
    assert rates(auth) == {client_id: Rate(5, 1)}
    assert limit_client(auth.engine, client_id, "60/minute").rate_limit == "60/minute"
    assert rates(auth) == {client_id: Rate(60, 60)}
    limit_client(auth.engine, client_id, "off")
    assert rates(auth) == {client_id: None}
    assert limit_client(auth.engine, client_id, None).rate_limit is None
    assert rates(auth) == {}


def test_a_rate_that_is_none_is_refused(auth: Auth) -> None:
    client_id = create_client(auth.engine, "demo", ["marts:read"]).client.client_id
    with pytest.raises(ConfigurationError, match=r"'5/day'.*60/minute|'5/day'.*600/minute"):
        limit_client(auth.engine, client_id, "5/day")
    with pytest.raises(UnknownClient):
        limit_client(auth.engine, "nobody", "5/second")
    assert rates(auth) == {}


def test_one_written_by_hand_that_is_none_is_left_aside(auth: Auth, caplog: pytest.LogCaptureFixture) -> None:
    client_id = create_client(auth.engine, "demo", ["marts:read"]).client.client_id
    with transaction(auth.engine) as connection:
        connection.execute(client_table.update().values(rate_limit="often"))
    with caplog.at_level(logging.WARNING):
        assert rates(auth) == {}
    assert f"client {client_id}: its rate limit 'often'" in caplog.text


def test_who_is_permitted_is_counted_and_told_how_it_stands(auth: Auth) -> None:
    client = create_client(auth.engine, "demo", ["marts:read"]).client
    claims = auth.verifier.verify(auth.issue(client).access_token)
    gate, state = Gate(auth.verifier, Limits(Rate(3, 3600))), dict[str, Any]()
    gate.permit(claims, "marts:read", state)
    assert state[STANDING].left[0] == 2
    with pytest.raises(InsufficientScope) as refused:
        gate.permit(claims, "runs:read", state)
    assert (refused.value.client_id, refused.value.jti) == (client.client_id, claims.jti)
    assert state[STANDING].left[0] == 1, "what is forbidden counts, too"
    assert gate.restrictions(claims) is None
    Gate(auth.verifier, Limits()).permit(claims, "marts:read", nothing := dict[str, Any]())
    assert nothing == {}


@pytest.mark.parametrize(("rate", "shared"), [("60/minute", True), ("off", False)])
def test_rates_are_counted_in_redis_where_there_is_one_and_something_to_count(
    tmp_path: Path, rate: str, shared: bool
) -> None:
    settings = Settings(home=tmp_path, rate_limit=rate, redis_url="redis://127.0.0.1:1/0", _env_file=None)
    limits = RateLimits.open(settings, dict)
    assert isinstance(limits.clients, RedisLimits) is shared
    assert not limits.alone, "nobody asked yet"

    async def once() -> None:
        await limits.clients.ask("somebody")
        await limits.aclose()

    asyncio.run(once())
    assert limits.alone is shared
    limits.close()


def test_without_redis_they_are_counted_here(tmp_path: Path) -> None:
    limits = RateLimits.open(Settings(home=tmp_path, _env_file=None), dict)
    assert isinstance(limits.clients, Limits)
    asyncio.run(limits.aclose())
    limits.close()
