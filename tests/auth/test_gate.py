"""The gate: what is remembered of tokens, and what is asked again on every request."""

import asyncio
from dataclasses import dataclass, field

import pytest

from app.auth.claims import VerifiedClaims
from app.auth.clients import create_client, revoke_client
from app.auth.errors import InsufficientScope, InvalidRequest, InvalidToken
from app.auth.gate import Gate
from app.auth.limits import RateLimited
from app.auth.remembered import Remembered
from app.auth.service import Auth
from app.auth.verifier import Verifier
from tests.auth.forge import decode, encode


@dataclass
class Counting:
    """A verifier that counts, and a limit that can be reached."""

    verifier: Verifier
    verified: int = 0
    taken: list[str] = field(default_factory=list)
    limit: int = 1_000

    def verify(self, token: str, now: float | None = None) -> VerifiedClaims:
        self.verified += 1
        return self.verifier.verify(token, now)

    def check(self, claims: VerifiedClaims, now: float | None = None) -> None:
        self.verifier.check(claims, now)

    def take(self, client_id: str) -> None:
        if len(self.taken) >= self.limit:
            raise RateLimited("too many", 7)
        self.taken.append(client_id)

    async def ask(self, client_id: str) -> None:
        self.take(client_id)


def gate_of(counting: Counting) -> Gate:
    return Gate(counting, counting)  # type: ignore[arg-type]  # stands in for the verifier


def issued(auth: Auth, *scopes: str) -> tuple[str, str]:
    client = create_client(auth.engine, "demo", list(scopes or ("marts:read",))).client
    return client.client_id, auth.issue(client).access_token


async def admitted(gate: Gate, token: str, scope: str = "marts:read") -> VerifiedClaims:
    return await gate.admit([f"Bearer {token}".encode()], b"", scope)


def test_a_signature_is_checked_once(auth: Auth) -> None:
    counting = Counting(auth.verifier)
    gate = gate_of(counting)
    client_id, token = issued(auth)

    async def thrice() -> set[str]:
        return {(await admitted(gate, token)).client_id for _ in range(3)}

    assert asyncio.run(thrice()) == {client_id}
    assert counting.verified == 1
    assert counting.taken == [client_id] * 3


def test_a_revoked_client_is_refused_though_its_token_is_remembered(auth: Auth) -> None:
    gate = gate_of(Counting(auth.verifier))
    client_id, token = issued(auth)

    async def around() -> None:
        await admitted(gate, token)
        revoke_client(auth.engine, client_id)
        auth.watcher.refresh()
        with pytest.raises(InvalidToken, match="revoked"):
            await admitted(gate, token)

    asyncio.run(around())


def test_only_what_was_verified_is_recognised_and_only_while_it_is_good(auth: Auth) -> None:
    gate = gate_of(Counting(auth.verifier))
    client_id, token = issued(auth)
    given = [f"Bearer {token}".encode()]
    assert gate.recognise(given, b"") is None
    assert gate.recognise([], b"") is None
    claims = asyncio.run(admitted(gate, token))
    assert gate.recognise(given, b"") is claims
    with pytest.raises(InvalidRequest):
        gate.recognise(given, b"access_token=x")
    revoke_client(auth.engine, client_id)
    auth.watcher.refresh()
    with pytest.raises(InvalidToken, match="revoked"):
        gate.recognise(given, b"")
    assert gate.recognise(given, b"") is None, "it is forgotten"


def test_the_scope_is_asked_for_each_time(auth: Auth) -> None:
    counting = Counting(auth.verifier)
    gate = gate_of(counting)
    _, token = issued(auth)

    async def both() -> None:
        await admitted(gate, token)
        with pytest.raises(InsufficientScope):
            await admitted(gate, token, "runs:read")

    asyncio.run(both())
    assert len(counting.taken) == 2, "what is forbidden counts, too"


def test_the_limit_is_counted_for_remembered_tokens_too(auth: Auth) -> None:
    counting = Counting(auth.verifier, limit=2)
    gate = gate_of(counting)
    _, token = issued(auth)

    async def thrice() -> None:
        await admitted(gate, token)
        await admitted(gate, token)
        with pytest.raises(RateLimited):
            await admitted(gate, token)

    asyncio.run(thrice())


def test_another_spelling_of_a_remembered_token_is_not_it(auth: Auth) -> None:
    gate = gate_of(Counting(auth.verifier))
    _, token = issued(auth)
    head, payload, signature = token.split(".")
    raw = bytearray(decode(signature))
    raw[-1] ^= 1

    async def tried() -> None:
        await admitted(gate, token)
        for other in (f"{head}.{payload}.{encode(bytes(raw))}", token + "=", token.swapcase()):
            with pytest.raises(InvalidToken):
                await admitted(gate, other)

    asyncio.run(tried())


def test_new_tokens_wait_for_each_other_and_remembered_ones_do_not(auth: Auth) -> None:
    gate = gate_of(Counting(auth.verifier))
    _, token = issued(auth)
    order: list[str] = []

    async def bad(number: int) -> None:
        with pytest.raises(InvalidToken):
            await admitted(gate, f"{token[:-8]}{number:08d}")
        order.append("bad")

    async def good() -> None:
        await admitted(gate, token)
        order.append("good")

    async def together() -> None:
        await admitted(gate, token)
        await asyncio.gather(*(bad(number) for number in range(20)), good())

    asyncio.run(together())
    assert order[0] == "good"


def test_only_good_tokens_are_remembered_and_only_so_many() -> None:
    remembered = Remembered(capacity=2)
    claims = [VerifiedClaims("i", "s", f"c{n}", frozenset(), f"j{n}", 0, 1, "k") for n in range(3)]
    first, second, third = (Remembered.digest(b"Bearer %d" % n) for n in range(3))
    remembered.keep(first, claims[0])
    remembered.keep(second, claims[1])
    assert remembered.get(first) is claims[0]
    remembered.keep(third, claims[2])
    assert len(remembered) == 2
    assert remembered.get(second) is None, "the least recently used goes"
    assert remembered.get(first) is claims[0]
    remembered.forget(first)
    assert remembered.get(first) is None
