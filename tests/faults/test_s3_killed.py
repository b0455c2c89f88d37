"""The S3 server killed at each step of a run, and started again: nothing half landed, nothing lost."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.program import Command, command
from tests.support.published import warehouse
from tests.support.s3 import S3Server, s3_server
from tests.support.s3_proxy import S3Proxy, Trouble, proxied
from tests.support.small import movies

TABLES = 7  # four marts, two dimensions, the rejects
REPORTS = 2


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server that only these tests use."""
    with s3_server(tmp_path_factory.mktemp("mortal")) as server:
        yield server


def run(proxy: S3Proxy, home: Path, bucket: str) -> Command:
    source, destination = f"s3://{bucket}/in/", f"s3://{bucket}/marts"
    return command(home, "etl", "run", source, "--destination", destination, **proxy.environment())


def landed(server: S3Server, bucket: str) -> dict[str, list[str]]:
    """Return the names of what has landed, run by run."""
    found: dict[str, list[str]] = {}
    for key in server.objects(bucket, "marts/runs/"):
        _, _, run_id, name = key.split("/", 3)
        found.setdefault(run_id, []).append(name)
    return found


def statuses(home: Path) -> list[str]:
    with warehouse(home) as connection:
        return [row["status"] for row in connection.execute("SELECT status FROM run ORDER BY seq")]


@pytest.mark.parametrize(
    ("method", "part", "moment", "status"),
    [
        ("GET", "in/a.csv", "before", 6),
        ("PUT", "genre_year.parquet", "before", 6),
        ("PUT", "genre_year.parquet", "after", 6),
        ("PUT", "manifest.json", "before", 6),
        ("PUT", "manifest.json", "after", 6),
    ],
)
def test_killed_at_a_step(
    mortal: S3Server, tmp_path: Path, method: str, part: str, moment: str, status: int
) -> None:
    bucket, home = mortal.bucket(), tmp_path / "home"
    mortal.client().upload_file(str(movies(tmp_path / "a.csv", 50)), bucket, "in/a.csv")
    strike = Trouble(method, part, times=1, lost=True)
    setattr(strike, moment, mortal.kill)
    with proxied(mortal, strike) as proxy:
        done = run(proxy, home, bucket)
        assert (done.status, done.stderr.count("\n")) == (status, 1), done.stderr
        assert f"s3://{bucket}/" in done.stderr
        mortal.start()
        whole = [name for name, objects in landed(mortal, bucket).items() if "manifest.json" in objects]
        assert len(whole) == (1 if (part, moment) == ("manifest.json", "after") else 0)
        assert "published" not in statuses(home)
        assert run(proxy, home, bucket).status == 0
    assert statuses(home) == ["failed", "published"]
    for name, objects in landed(mortal, bucket).items():
        assert len(objects) == TABLES + REPORTS + 1, name
    with warehouse(home) as connection:
        assert connection.execute("SELECT count(*) FROM run_lock").fetchone()[0] == 0
        [location] = connection.execute("SELECT location FROM run WHERE status = 'published'").fetchone()
    manifest = mortal.objects(bucket, f"{location.removeprefix(f's3://{bucket}/')}/manifest.json")
    assert [json.loads(data)["accepted"] for data in manifest.values()] == [50]
    assert list(home.glob("work/*")) == []
