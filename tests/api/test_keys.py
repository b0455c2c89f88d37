"""Keys that rotate under a server of two workers: no token is refused, none fails to be issued."""

import json
import threading
from collections import Counter
from pathlib import Path

import httpx

from tests.api.test_serve import world_in
from tests.auth.forge import decode
from tests.support.program import command
from tests.support.server import credentials, serving, token
from tests.support.waiting import wait_until

PATH = "/v1/aggregates/years"


class Traffic:
    """Gets tokens, and uses each and the very first over new connections, which any worker may take."""

    def __init__(self, url: str, client: tuple[str, str]) -> None:
        self.statuses: Counter[int] = Counter()
        self.kids: list[str] = []
        self._url, self._client = url, client
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        first = token(self._url, self._client)
        while not self._stop.is_set():
            new = token(self._url, self._client)
            self.kids.append(json.loads(decode(new.partition(".")[0]))["kid"])
            for each in (new, new, first):
                answer = httpx.get(f"{self._url}{PATH}", headers={"Authorization": f"Bearer {each}"})
                self.statuses[answer.status_code] += 1

    def end(self) -> None:
        self._stop.set()
        self._thread.join()


def test_a_rotation_breaks_nothing_in_any_worker(tmp_path: Path) -> None:
    world_in(tmp_path)
    client = credentials(tmp_path)
    with serving(tmp_path, "--workers", "2") as server:
        traffic = Traffic(server.url, client)
        try:
            for algorithm in ("RS256", "ES256"):
                made = json.loads(
                    command(tmp_path, "keys", "rotate", "--algorithm", algorithm, "--json").stdout
                )
                assert wait_until(lambda: made["kid"] in traffic.kids[-2:], 15)  # noqa: B023 - asked at once
        finally:
            traffic.end()
        shown = {key["kid"] for key in httpx.get(f"{server.url}/.well-known/jwks.json").json()["keys"]}
    assert set(traffic.statuses) == {200}
    assert len(set(traffic.kids)) == 3
    assert shown == set(traffic.kids), "retired keys are shown until their tokens have expired"
