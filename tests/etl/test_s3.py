"""Deliveries and destinations in S3: the same marts as from a folder, and the commands that look at them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.program import Command, command, environment
from tests.support.s3 import S3Server
from tests.support.s3_proxy import Trouble, proxied
from tests.support.small import movie, movies, write

#: Runs a delivery as if on a machine of that name, into a warehouse that enforces no key.
ELSEWHERE = """
import dataclasses, sys
from app.warehouse import lock
from app.warehouse.sqlite import SqliteWarehouse
lock.machine = lambda: f"{sys.argv[1]}/boot"
SqliteWarehouse.capabilities = dataclasses.replace(SqliteWarehouse.capabilities, enforces_keys=False)
from app.cli.main import main
main(["etl", "run", *sys.argv[2:]])
"""


@pytest.fixture
def bucket(s3: S3Server) -> str:
    """An empty bucket."""
    return s3.bucket()


@pytest.fixture
def delivery(s3: S3Server, bucket: str, tmp_path: Path) -> Path:
    """A folder of data files whose order matters; the same objects are below ``in/2026-11``."""
    folder = tmp_path / "delivery"
    for number, name in enumerate(("a-.csv", "a.csv", "a/b.csv", "b.csv")):
        write(folder / name, [movie(1, budget=str(100 + number)), movie(10 + number), ("x",)])
        s3.client().upload_file(str(folder / name), bucket, f"in/2026-11/{name}")
    s3.client().put_object(Bucket=bucket, Key="in/2026-11/README.txt", Body=b"no data")
    s3.client().put_object(Bucket=bucket, Key="in/2026-11-old/c.csv", Body=b"not of this delivery")
    return folder


def app(s3: S3Server, home: Path, *arguments: str, **settings: str) -> Command:
    done = command(home, *arguments, **s3.environment(), **settings)
    assert done.stderr == "", done.stderr
    return done


def produced(s3: S3Server, home: Path, *arguments: str) -> dict[str, Any]:
    done = app(s3, home, "etl", "run", *arguments, "--json", "--max-reject-ratio", "1")
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def test_the_same_marts_as_from_a_folder(s3: S3Server, bucket: str, delivery: Path, tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    destination = f"s3://{bucket}/deep/marts/"
    made = produced(s3, home, f"s3://{bucket}/in/2026-11", "--destination", destination)
    expected = produced(s3, other, str(delivery))
    assert made["files"] == expected["files"]
    assert [file["path"] for file in made["files"]] == ["a-.csv", "a.csv", "a/b.csv", "b.csv"]
    landed = s3.objects(bucket, f"deep/marts/runs/{made['run_id']}/")
    local = other / "lake" / "runs" / expected["run_id"]
    names = {path.relative_to(local).as_posix() for path in local.rglob("*") if path.is_file()}
    assert {key.split("/", 4)[-1] for key in landed} == names
    for name in names - {"manifest.json"}:
        assert landed[f"deep/marts/runs/{made['run_id']}/{name}"] == (local / name).read_bytes(), name
    mine = app(s3, home, "etl", "rejects", made["run_id"]).stdout
    assert mine == app(s3, other, "etl", "rejects", expected["run_id"]).stdout != ""
    app(s3, home, "etl", "report", "--out", str(tmp_path / "report"))
    for report in (tmp_path / "report").iterdir():
        assert report.read_bytes() == (local / "report" / report.name).read_bytes()


def test_the_same_content_is_nothing_to_do_wherever_it_is(
    s3: S3Server, bucket: str, delivery: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    first = produced(s3, home, str(delivery))
    again = produced(s3, home, f"s3://{bucket}/in/2026-11/", "--destination", f"s3://{bucket}/marts")
    assert (again["run_id"], again["no_op"]) == (first["run_id"], True)
    assert s3.objects(bucket, "marts/") == {}
    assert list(home.glob("work/*")) == []


def test_one_object_a_period_and_a_dry_run(s3: S3Server, bucket: str, delivery: Path, tmp_path: Path) -> None:
    s3.client().upload_file(str(delivery / "b.csv"), bucket, "in/2026-11-30.csv")
    source = f"s3://{bucket}/in/{{as_of}}.csv"
    made = produced(s3, tmp_path / "home", source, "--as-of", "2026-11-30", "--dry-run")
    assert [file["path"] for file in made["files"]] == ["2026-11-30.csv"]
    assert (made["as_of"], made["rows"]) == ("2026-11-30", 3)
    assert not (tmp_path / "home").exists()


def test_pruned_runs_go_from_the_bucket(s3: S3Server, bucket: str, tmp_path: Path) -> None:
    home, destination = tmp_path / "home", f"s3://{bucket}/marts"
    runs = [
        produced(s3, home, str(movies(tmp_path / f"{count}.csv", count)), "--destination", destination)
        for count in (3, 4)
    ]
    with proxied(s3) as proxy:
        assert command(home, "etl", "prune", "--keep", "1", **proxy.environment()).status == 0
    deleted = [asked for asked in proxy.asked if asked.startswith("DELETE ")]
    assert deleted[0].endswith(f"{runs[0]['run_id']}/manifest.json")  # what is left by a kill is no run
    assert {key.split("/")[2] for key in s3.objects(bucket, "marts/runs/")} == {runs[1]["run_id"]}


def test_a_delivery_larger_than_the_disk_is_not_begun(
    s3: S3Server, bucket: str, delivery: Path, tmp_path: Path
) -> None:
    script = (
        "import shutil, sys; shutil.disk_usage = lambda path: shutil._ntuple_diskusage(1000, 900, 100)\n"
        "from app.cli.main import main; main(['etl', 'run', sys.argv[1]])"
    )
    with proxied(s3) as proxy:
        done = subprocess.run(
            [sys.executable, "-c", script, f"s3://{bucket}/in/2026-11"],
            env=environment(tmp_path / "home", **proxy.environment()),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert not any(".csv" in asked for asked in proxy.asked)
    assert (done.returncode, done.stderr.count("\n")) == (6, 1), done.stderr
    assert "bytes does not fit on a disk with 100 free; make room for it" in done.stderr


@pytest.fixture
def racers(s3: S3Server, bucket: str, tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Two runs on two machines to one destination, on a road that makes them overlap."""
    command(tmp_path / "home", "db", "upgrade")
    slow = Trouble("PUT", ".parquet", delay_s=0.3)
    with proxied(s3, slow) as proxy:
        begun = [
            subprocess.Popen(
                [
                    *(sys.executable, "-c", ELSEWHERE, name, str(movies(tmp_path / f"{name}.csv", count))),
                    *("--destination", f"s3://{bucket}/marts"),
                ],
                env=environment(tmp_path / "home", **proxy.environment()),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for name, count in (("one", 5), ("other", 6))
        ]
        try:
            yield begun
        finally:
            for process in begun:
                process.kill()
                process.communicate()


def test_of_two_machines_that_race_to_a_destination_one_wins(
    s3: S3Server, bucket: str, racers: list[subprocess.Popen[str]]
) -> None:
    said = [process.communicate(timeout=60)[1] for process in racers]
    assert sorted(process.returncode for process in racers) == [0, 5], said
    [refused] = [text for text in said if text]
    assert ("on one)" in refused) != ("on other)" in refused)
    assert "is in progress since" in refused
    assert [key for key in s3.objects(bucket) if key.startswith("marts/locks/")] == []
    assert len([key for key in s3.objects(bucket) if key.endswith("manifest.json")]) == 1
