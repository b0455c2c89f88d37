"""Ten thousand wrong tokens, each another one, while a client with a good one goes on asking."""

import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from bench.api.load import Ask, Reading, SendingOnce, Sent, drive, write_requests
from bench.api.prepare import HOT, Prepared
from bench.api.probe import Seen, probing
from bench.api.servers import NotAvailable, app_serve, serving

TOKENS = 10_000


@dataclass(frozen=True)
class Flooded:
    """A client before and meanwhile, one by one and 32 at a time; bytes that the server grew by.

    ``beside_good``: one by one as well, while somebody else sends good requests as fast as he can.
    """

    alone: Seen
    beside_good: Seen
    alone_meanwhile: Seen
    many: Reading
    many_meanwhile: Reading
    flood: Sent
    growth: int


def flood(ready: Prepared, seconds: float) -> Flooded:
    """Measure the client for a while, then while the flood lasts; the same with many connections.

    Raises:
        NotAvailable: the client was refused, or cut off.
    """
    asks = [Ask(HOT, {"Authorization": f"Bearer {token}"}) for token in forged(ready, 2 * TOKENS)]
    first = write_requests(ready.folder / "flood-1", asks[:TOKENS])
    second = write_requests(ready.folder / "flood-2", asks[TOKENS:])
    hot = write_requests(ready.folder / "hot", [ready.ask(HOT)])
    with serving(app_serve(), ready.marts.environment, ready.marts.logs / "flood.log", "/readyz") as server:
        drive(server.url, hot, 1)
        with probing(server.url, hot) as alone:
            time.sleep(seconds)
        with probing(server.url, hot) as beside_good:
            drive(server.url, hot, seconds)
        before = server.memory().rss
        with probing(server.url, hot) as meanwhile:
            seen = SendingOnce(server.url, first).end()
        growth = server.memory().rss - before
        many = drive(server.url, hot, 1)
        running = SendingOnce(server.url, second)
        many_meanwhile = drive(server.url, hot, 1)
        running.end()
    failed = alone.failed or beside_good.failed or meanwhile.failed
    if failed:
        raise NotAvailable(failed)
    return Flooded(alone, beside_good, meanwhile, many, many_meanwhile, seen, growth)


def forged(ready: Prepared, count: int) -> list[str]:
    """Return tokens like the client's own, each with its own id and a signature that is not the key's."""
    token = ready.marts.bearer["Authorization"].removeprefix("Bearer ")
    header, payload, signature = token.split(".")
    claims = json.loads(_decoded(payload))
    size = len(_decoded(signature))
    return [
        f"{header}.{_encoded(json.dumps(claims | {'jti': f'forged-{number}'}).encode())}"
        f".{_encoded(secrets.token_bytes(size))}"
        for number in range(count)
    ]


def _decoded(segment: str) -> bytes:
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
