"""Tokens of a real OpenID provider: accepted, refused, and its keys followed, whatever becomes of it."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.auth.errors import InvalidToken
from app.auth.issuers import Issuers, IssuerState, Schedule
from app.auth.trust import Trust
from app.auth.verifier import Verifier
from app.settings import Settings
from tests.auth.forge import encode
from tests.support.provider import Provider, configured, private_jwk, providing
from tests.support.waiting import wait_until

QUICK = Schedule(refresh_s=0.3, cool_down_s=0.1, retry_s=0.1)
#: Unasked it fetches once, at the start; asked, once more.
SELDOM = Schedule(refresh_s=600, cool_down_s=2)


class World:
    """A verifier that trusts a provider and nobody else."""

    def __init__(self, issuers: list[Mapping[str, Any]], schedule: Schedule) -> None:
        self.trust = Trust({}, ())
        settings = Settings(trusted_issuers=json.dumps(issuers), _env_file=None)
        self.issuers = Issuers(settings.external_issuers, self._found, schedule)
        self.verifier = Verifier(lambda: self.trust, self.issuers.unknown_key)

    def _found(self, issuer: Any) -> None:
        self.trust = Trust({**self.trust.issuers, issuer.issuer: issuer}, ())

    def accepts(self, token: str) -> bool:
        try:
            self.verifier.verify(token)
        except InvalidToken:
            return False
        return True

    @property
    def state(self) -> IssuerState:
        (state,) = self.issuers.states()
        return state


@contextmanager
def trusting(*issuers: Mapping[str, Any], schedule: Schedule = QUICK) -> Iterator[World]:
    """Follow some issuers until the end of the block."""
    world = World(list(issuers), schedule)
    world.issuers.start()
    try:
        yield world
    finally:
        world.issuers.close()


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """A provider for the tests that leave it as it is."""
    with providing(tmp_path_factory.mktemp("provider")) as started:
        yield started


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Provider]:
    """A provider that a test may stop and change."""
    with providing(tmp_path) as started:
        yield started


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_token_of_the_provider_is_accepted(provider: Provider, algorithm: str) -> None:
    with trusting(configured(provider)) as world:
        claims = world.verifier.verify(provider.token(algorithm, "marts:read runs:read"))
    assert claims.issuer == provider.issuer
    assert claims.client_id == f"{provider.issuer}#reader"
    assert claims.scopes == {"marts:read", "runs:read"}
    assert claims.key_id == f"{algorithm}-1"


def test_keys_are_found_without_discovery_too(provider: Provider) -> None:
    before = provider.fetches("/.well-known/openid-configuration")
    with trusting(configured(provider, jwks_url=f"{provider.issuer}/jwks")) as world:
        assert world.accepts(provider.token())
    assert provider.fetches("/.well-known/openid-configuration") == before


def test_scopes_of_theirs_become_scopes_of_ours(provider: Provider) -> None:
    mapped = {"catalog.read": ["marts:read", "runs:read"]}
    with trusting(configured(provider, scopes=mapped)) as world:
        assert world.verifier.verify(provider.token(scope="catalog.read")).scopes == {
            "marts:read",
            "runs:read",
        }
        assert world.verifier.verify(provider.token(scope="marts:read")).scopes == set()


def test_a_token_for_another_audience_is_refused(provider: Provider) -> None:
    token = provider.token()
    with (
        trusting(configured(provider, audience="other")) as world,
        pytest.raises(InvalidToken, match="another audience"),
    ):
        world.verifier.verify(token)


def test_only_the_algorithms_that_are_set_count(provider: Provider) -> None:
    with trusting(configured(provider, algorithms=["RS256"])) as world:
        assert world.accepts(provider.token("RS256"))
        assert not world.accepts(provider.token("ES256"))
        assert world.state.keys == 1


def test_an_id_token_is_no_access_token(provider: Provider) -> None:
    """Even where plain JWTs may be access tokens, and where its audience is taken for this API."""
    token = provider.id_token()
    for changes in ({}, {"token_types": ["JWT"]}, {"token_types": ["JWT", "at+jwt"], "client_claim": "sid"}):
        with trusting(configured(provider, audience="reader", **changes)) as world:
            with pytest.raises(InvalidToken, match=r"is not an access token|is an ID token"):
                world.verifier.verify(token)
            assert world.state.status == "current"


def test_a_key_that_the_provider_changes_to_is_picked_up(mortal: Provider) -> None:
    with trusting(configured(mortal)) as world:
        old = mortal.token()
        assert world.accepts(old)
        elliptic, rsa = mortal.keys
        following = private_jwk("ES256", "new")
        mortal.rotate(following, elliptic, rsa)
        new = mortal.token()
        assert wait_until(lambda: world.accepts(new))
        assert world.accepts(old), "the old key is still in the set"
        mortal.rotate(following, rsa)
        assert wait_until(lambda: not world.accepts(old)), "a key that left the set is trusted no more"
        assert world.accepts(new)


def test_an_unknown_key_is_asked_for_before_its_time(mortal: Provider) -> None:
    with trusting(configured(mortal), schedule=SELDOM) as world:
        mortal.rotate(private_jwk("ES256", "new"), mortal.keys[1])
        token = mortal.token()
        assert not world.accepts(token)
        assert wait_until(lambda: world.accepts(token))


def test_a_thousand_unknown_keys_cause_one_fetch(mortal: Provider) -> None:
    _, payload, signature = mortal.token().split(".")
    headers = [json.dumps({"typ": "at+jwt", "alg": "ES256", "kid": f"k{n}"}).encode() for n in range(1000)]
    tokens = [f"{encode(header)}.{payload}.{signature}" for header in headers]
    with trusting(configured(mortal), schedule=SELDOM) as world:
        assert world.state.status == "current"
        before = mortal.fetches()
        assert not any(world.accepts(token) for token in tokens)
        assert wait_until(lambda: mortal.fetches() == before + 1)
        time.sleep(1.2 * SELDOM.cool_down_s)
        assert mortal.fetches() == before + 1


def test_known_keys_outlive_an_outage(mortal: Provider) -> None:
    token = mortal.token()
    with trusting(configured(mortal)) as world:
        assert world.state.status == "current"
        assert world.issuers.failing() == 0
        mortal.stop()
        assert wait_until(lambda: world.state.status == "stale")
        assert world.issuers.failing() == 1
        assert world.state.keys == 2
        assert world.accepts(token)
        mortal.start()
        assert wait_until(lambda: world.state.status == "current")
        assert world.accepts(token)


def test_known_keys_do_not_outlive_an_outage_for_ever(mortal: Provider) -> None:
    token = mortal.token()
    with trusting(configured(mortal), schedule=Schedule(0.3, 0.1, 0.1, keep_s=1)) as world:
        assert world.accepts(token)
        mortal.stop()
        assert wait_until(lambda: not world.accepts(token))
        assert wait_until(lambda: world.state.status == "unavailable")
        assert world.state.keys == 0


def test_a_provider_that_comes_later_is_found(mortal: Provider) -> None:
    token = mortal.token()
    mortal.stop()
    with trusting(configured(mortal)) as world:
        assert world.state == IssuerState(mortal.issuer, "unavailable", 0, None)
        assert not world.accepts(token)
        mortal.start()
        assert wait_until(lambda: world.accepts(token))
