"""Whose request it is behind proxies."""

from pathlib import Path
from typing import Any

import pytest

from app.ops.access_log import AccessLog
from app.server.limits import Limits
from tests.api.test_at_once import PATH
from tests.api.test_hardening import served_with
from tests.support.wire import Wire, running


@pytest.mark.parametrize(
    ("trusted", "logged"),
    [("", "127.0.0.1"), ("10.0.0.0/8", "127.0.0.1"), ("127.0.0.1,10.0.0.0/8", "198.51.100.1")],
)
def test_the_log_has_the_client_that_trusted_proxies_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: str, logged: str
) -> None:
    lines: list[tuple[Any, ...]] = []
    monkeypatch.setattr(AccessLog, "write", lambda _, *line: lines.append(line))
    for served in served_with(tmp_path, trusted_proxies=trusted, access_log="on"):
        with running(served.app, Limits(drain_delay_s=0)) as (_, port), Wire(port) as wire:
            forwarded = "X-Forwarded-For: 8.8.8.8, 198.51.100.1, 10.1.1.1"
            for _ in range(2):
                assert (
                    wire.send(served.request(PATH, forwarded, "Forwarded: for=9.9.9.9")).answer().status
                    == 200
                )
    assert [line[1] for line in lines if "genres" in line[5]] == [logged] * 2
