"""What is kept between runs may be lost, damaged or foreign: that costs time, and a warning says so."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.etl.incremental import head
from app.etl.incremental.packing import MovieHashes, pack, unpack
from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.settings import Settings
from tests.support.incremental import changes, full, landed, run, settings_in
from tests.support.redis import needs_redis, redis_server
from tests.support.small import movies

Damage = Callable[[Path, Path], object]


def edited(path: Path, edit: Callable[[bytes], bytes]) -> None:
    """Change a file."""
    path.write_bytes(edit(path.read_bytes()))


def headed(rows: Path, **values: object) -> None:
    """Change values of the head."""
    path = rows / "head"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def other_hashes(rows: Path) -> None:
    """Put the hashes of other movies, whole, in place of those of the run."""
    bucket = next(rows.glob("*/000000"))
    some = MovieHashes(np.arange(11, 14), np.zeros((3, 2), dtype=np.uint64))
    ((_, content),) = pack(bucket.parent.name, some)
    bucket.write_bytes(content)


#: What happens to the folder of hashes and to that of movies.
DAMAGES: dict[str, Damage] = {
    "bucket-truncated": lambda rows, _: edited(next(rows.glob("*/000000")), lambda data: data[:-24]),
    "bucket-flipped": lambda rows, _: edited(
        next(rows.glob("*/000000")), lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:]
    ),
    "bucket-empty": lambda rows, _: edited(next(rows.glob("*/000000")), lambda data: b""),
    "bucket-missing": lambda rows, _: next(rows.glob("*/000000")).unlink(),
    "other-hashes": lambda rows, _: other_hashes(rows),
    "no-head-at-all": lambda rows, _: edited(rows / "head", lambda data: b"\x00 something else"),
    "head-truncated": lambda rows, _: edited(rows / "head", lambda data: data[:-9]),
    "head-of-another-format": lambda rows, _: headed(rows, format=2),
    "head-of-another-program": lambda rows, _: headed(rows, made_by={"app": "0.0.1"}),
    "head-of-another-run": lambda rows, _: headed(rows, run_id="20200101T000000000000Z-abcdef"),
    "head-counts-less": lambda rows, _: headed(rows, count=1),
    "head-names-no-members": lambda rows, _: headed(rows, members={}),
    "movies-missing": lambda _, kept: next(kept.glob("*/movies-000.parquet")).unlink(),
    "movies-damaged": lambda _, kept: edited(
        next(kept.glob("*/movies-000.parquet")), lambda data: data[:100] + b"x" + data[101:]
    ),
    "members-missing": lambda _, kept: next(kept.glob("*/genre.parquet")).unlink(),
    "all-movies-missing": lambda _, kept: shutil.rmtree(kept),
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a full run lands of the second delivery, which has two movies of the first."""
    folder = tmp_path_factory.mktemp("full")
    return full(folder, movies(folder / "b.csv", 3, 2))


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_makes_a_full_run(
    tmp_path: Path, damage: str, expected: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_in(tmp_path / "home")
    run(settings, movies(tmp_path / "a.csv", 3))
    (rows,) = (settings.home / "rows").iterdir()
    DAMAGES[damage](rows, settings.home / "lake/movies")
    outcome = run(settings, movies(tmp_path / "b.csv", 3, 2))
    assert changes(outcome) is None
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
    assert "a full run" in warning.getMessage()
    assert landed(settings, outcome) == expected
    assert changes(run(settings, tmp_path / "b.csv")) == (0, 0, 3, 0)


def test_lost_hashes_are_a_full_run_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_in(tmp_path / "home")
    run(settings, movies(tmp_path / "a.csv", 3))
    shutil.rmtree(settings.home / "rows")
    assert changes(run(settings, tmp_path / "a.csv")) is None
    assert caplog.records == []


def test_other_options_know_nothing_of_the_last_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_in(tmp_path / "home")
    run(settings, movies(tmp_path / "a.csv", 3))
    assert changes(run(settings, tmp_path / "a.csv", require_financials=True)) is None
    assert "other options" in caplog.text


def test_other_rules_know_nothing_of_the_last_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_in(tmp_path / "home")
    run(settings, movies(tmp_path / "a.csv", 3))
    monkeypatch.setattr("app.etl.incremental.memory.made_by", lambda: {})
    monkeypatch.setattr(head, "made_by", lambda: {})
    assert changes(run(settings, tmp_path / "a.csv")) is None
    assert "another version" in caplog.text


def test_hashes_that_cannot_be_kept_fail_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_in(tmp_path / "home")
    settings.home.mkdir()
    (settings.home / "rows").write_text("a file where the folder would be")
    outcome = run(settings, movies(tmp_path / "a.csv", 3))
    assert outcome.run.status == "published"
    assert "is published, and not all of it is kept" in caplog.text


def test_buckets_are_bound_to_their_place() -> None:
    hashes = np.arange(20_000, dtype=np.uint64).reshape(-1, 2)
    packed = dict(pack("run", MovieHashes(np.arange(10_000), hashes)))
    assert list(packed) == ["run/000000", "run/000001", "run/000002"]
    again = unpack(list(packed), list(packed.values()))
    assert again.ids.tolist() == list(range(10_000))
    assert again.find(hashes[::-3]).tolist() == list(range(9_999, -1, -3))
    assert again.find(hashes + np.array([0, 1], dtype=np.uint64)).tolist() == [-1] * 10_000
    with pytest.raises(Exception, match="run/000000 is damaged"):
        unpack(list(packed), list(packed.values())[::-1])


@pytest.fixture
def redis_settings(tmp_path: Path) -> Callable[[str], Settings]:
    """Settings of one home with Redis at a URL."""
    return lambda url: settings_in(tmp_path / "home", redis_url=url)


@needs_redis
def test_redis_keeps_the_hashes(tmp_path: Path, redis_settings: Callable[[str], Settings]) -> None:
    with redis_server() as server:
        settings = redis_settings(server.url)
        run(settings, movies(tmp_path / "a.csv", 5000))
        assert server.say("SET other thing") == "+OK"
        outcome = run(settings, movies(tmp_path / "b.csv", 5000, 2))
        assert changes(outcome) == (1, 0, 4999, 1)
        assert landed(settings, outcome) == full(tmp_path, tmp_path / "b.csv")
        assert (
            server.say("DBSIZE") == ":4"
        )  # the head, two buckets of the last run alone, and the other thing
        assert not (settings.home / "rows").exists()


@needs_redis
def test_redis_gone_before_a_run(
    tmp_path: Path, redis_settings: Callable[[str], Settings], caplog: pytest.LogCaptureFixture
) -> None:
    with redis_server() as server:
        settings = redis_settings(server.url.replace("redis://", "redis://someone:hidden@"))
        secretless = redis_settings(server.url)
        run(secretless, movies(tmp_path / "a.csv", 3))
    outcome = run(settings, movies(tmp_path / "b.csv", 3, 2))
    assert (outcome.run.status, changes(outcome)) == ("published", None)
    assert "a full run" in caplog.text
    assert "not all of it is kept" in caplog.text
    assert "hidden" not in caplog.text
    assert landed(settings, outcome) == full(tmp_path, tmp_path / "b.csv")


@needs_redis
def test_redis_killed_in_mid_run(
    tmp_path: Path, redis_settings: Callable[[str], Settings], caplog: pytest.LogCaptureFixture
) -> None:
    with redis_server() as server:
        settings = redis_settings(server.url)
        run(settings, movies(tmp_path / "a.csv", 3))
        source, options = movies(tmp_path / "b.csv", 3, 2), RunOptions(allow_shrink=True)
        outcome = run_delivery(settings, str(source), options, lambda *read: server.stop())
        assert (outcome.run.status, changes(outcome)) == ("published", (1, 0, 2, 1))
        assert "not all of it is kept" in caplog.text
        server.start()  # empty: what was kept is lost
        assert changes(run(settings, source)) is None
