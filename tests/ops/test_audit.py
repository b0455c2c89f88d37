"""The audit log: whole lines of its owner's alone, whoever writes and whatever fails."""

import json
import logging
import multiprocessing
import os
import re
import resource
import signal
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.errors import StoreFailure
from app.ops import audit
from app.ops.audit import Audit
from app.ops.audit_events import EVENTS
from app.settings import Settings

NASTY = 'a\x00\x1b[2J\r\n"}\\\x7f\x9b\u2028\u202e\ud800\u00e9'
PAGE = Path(__file__).parents[2] / "docs" / "audit.md"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def log(file: Path) -> Iterator[Audit]:
    opened = Audit.open(file)
    yield opened
    opened.close()


def lines(file: Path) -> list[dict[str, Any]]:
    content = file.read_bytes()
    assert re.fullmatch(rb"(?:\{[ -~]*\}\n)*", content), "a line is torn, or a terminal may act on it"
    return [json.loads(line) for line in content.splitlines()]


def test_a_line_has_every_field_of_its_event_in_order(log: Audit, file: Path) -> None:
    before = datetime.now(UTC)
    log.write("token.issued", client_id="c", scopes=("marts:read", "runs:read"), jti="j", expires_in=3600)
    (line,) = lines(file)
    assert list(line) == [
        "time",
        "event",
        "client_id",
        "jti",
        "scopes",
        "expires_in",
        "address",
        "request_id",
    ]
    assert timedelta(0) <= datetime.fromisoformat(line.pop("time")) - before < timedelta(minutes=1)
    assert line == {
        "event": "token.issued",
        "client_id": "c",
        "jti": "j",
        "scopes": ["marts:read", "runs:read"],
        "expires_in": 3600,
        "address": None,
        "request_id": None,
    }


def test_some_fields_are_always_the_same(file: Path) -> None:
    Audit.open(file, user="anna", sudo_user=None).write("run.pruned", run_id="r")
    (line,) = lines(file)
    assert (line["user"], line["sudo_user"], line["run_id"]) == ("anna", None, "r")


@pytest.mark.parametrize("given", [("token.stolen", {}), ("token.issued", {"token": "x"})])
def test_only_what_is_declared_is_written(log: Audit, file: Path, given: tuple[str, dict[str, str]]) -> None:
    with pytest.raises(KeyError, match=r"token"):
        log.write(given[0], **given[1])
    assert lines(file) == []


def test_no_character_breaks_a_line(log: Audit, file: Path) -> None:
    log.write("client.created", client_id=NASTY, name=NASTY, scopes=[NASTY])
    (line,) = lines(file)
    assert (line["client_id"], line["name"], line["scopes"]) == (NASTY, NASTY, [NASTY])


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    new, old = tmp_path / "in" / "a" / "folder" / "audit.jsonl", tmp_path / "old.jsonl"
    old.write_text("kept\n")
    old.chmod(0o644)
    for file in (new, old):
        Audit.open(file)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert old.read_text() == "kept\n"


def test_a_file_that_was_moved_away_is_begun_anew(log: Audit, file: Path) -> None:
    log.write("run.pruned", run_id="first")
    file.rename(file.with_suffix(".1"))
    log.write("run.pruned", run_id="second")
    assert [line["run_id"] for line in lines(file.with_suffix(".1"))] == ["first"]
    assert [line["run_id"] for line in lines(file)] == ["second"]


def _write_many(file: Path, run_id: str) -> None:
    log = Audit.open(file)
    for _ in range(200):
        log.write("run.held", run_id=run_id, reason="r" * 5_000)


def test_processes_do_not_mix_their_lines(file: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write_many, args=(file, str(number))) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    written = [line["run_id"] for line in lines(file)]
    assert sorted(written) == sorted(["0", "1", "2"] * 200)


def _unwritable(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    return {"folder": tmp_path, "below a file": tmp_path / "file" / "x", "unread pipe": tmp_path / "pipe"}


@pytest.mark.parametrize("kind", ["folder", "below a file", "unread pipe"])
def test_a_file_that_cannot_be_written_is_said_at_once(tmp_path: Path, kind: str) -> None:
    file = _unwritable(tmp_path)[kind]
    with pytest.raises(StoreFailure, match=rf"cannot write to the audit log {file}: .+; .*APP_AUDIT_LOG"):
        Audit.open(file)


@pytest.fixture
def room(file: Path) -> Iterator[int]:
    """No file may grow beyond so many bytes, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    yield 1_000
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_line_that_does_not_fit_leaves_nothing(log: Audit, file: Path, room: int) -> None:
    log.write("run.held", run_id="first", reason="r" * (room // 2))
    with pytest.raises(StoreFailure, match="File too large"):
        log.write("run.held", run_id="second", reason="r" * (room // 2))
    log.write("run.pruned", run_id="third")
    assert [line["run_id"] for line in lines(file)] == ["first", "third"]


def test_a_refusal_that_cannot_be_written_is_an_error_in_the_programs_log(
    log: Audit, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.unlink()
    file.mkdir()
    with caplog.at_level(logging.ERROR, audit.__name__):
        log.refused("token.refused", error="invalid_client")
        log.close()
    assert f"cannot write to the audit log {file}" in caplog.text


def test_off_writes_nothing(tmp_path: Path) -> None:
    log = Audit.open(None)
    log.write("run.pruned", run_id="r")
    log.refused("token.refused", error="invalid_client")
    log.close()
    assert list(tmp_path.iterdir()) == []


def test_a_flood_of_refusals_is_bounded_and_counted(
    log: Audit, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour of a thousand wrong tokens a second, on a clock that a test can turn."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    for number in range(3_600 * 10):
        log.refused("bearer.refused", status=401)
        if number % 10 == 9:
            now += 1
    log.refused("token.refused", error="invalid_client")
    log.write("token.issued", client_id="c")
    log.close()
    written = lines(file)
    refusals = [line for line in written if line["event"] == "bearer.refused"]
    assert len(refusals) == 60 + 3_600 - 1
    assert sum(1 + line["more"] for line in refusals) == 36_000 - 9, "the last second's are yet to be said"
    assert file.stat().st_size < 3_700 * 300, "bytes in an hour"
    others = [line["event"] for line in written if line["event"] != "bearer.refused"]
    assert sorted(others) == ["token.issued", "token.refused"], "one flood hides nothing else"


def test_the_page_has_every_event_with_its_fields() -> None:
    page = PAGE.read_text()
    for name, event in EVENTS.items():
        assert f"## `{name}`\n\n{event.meaning}\n" in page
        assert all(f"`{field}`" in page for field in event.fields)


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings(home=Path("var"), _env_file=None).audit_file == tmp_path / "var" / "audit.jsonl"
    assert Settings(audit_log="a/b", _env_file=None).audit_file == tmp_path / "a" / "b"
    assert Settings(audit_log="off", _env_file=None).audit_file is None
