"""What goes wrong on the way to S3, by the real command: one line that says what, where and what to do."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.program import Command, command
from tests.support.s3 import S3Server
from tests.support.s3_proxy import S3Proxy, Trouble, proxied
from tests.support.small import movies

ROWS = 300


@pytest.fixture
def bucket(s3: S3Server, tmp_path: Path) -> str:
    """A bucket with a delivery, below ``in/``."""
    name = s3.bucket()
    s3.client().upload_file(str(movies(tmp_path / "a.csv", ROWS)), name, "in/a.csv")
    return name


def run(home: Path, source: str, destination: str, settings: Mapping[str, str]) -> Command:
    return command(home, "etl", "run", source, "--destination", destination, **settings)


def assert_said(done: Command, status: int, *parts: str) -> None:
    assert (done.status, done.stdout, done.stderr.count("\n")) == (status, "", 1), done.stderr
    assert [part for part in parts if part not in done.stderr] == [], done.stderr
    assert "-secret" not in done.stderr


@pytest.mark.parametrize(
    ("key", "url", "status", "said"),
    [
        (
            "nobody",
            "s3://{bucket}/in/",
            3,
            "access denied (AccessDenied); give the",
        ),
        ("nobody", "s3://{bucket}/in/a.csv", 3, "access denied (AccessDenied)"),
        ("admin", "s3://not-there/in/", 3, "no such bucket (NoSuchBucket); create it, or correct the URL"),
        ("admin", "s3://{bucket}/out/", 3, "no data file there or below it; a data file ends in .csv"),
        ("admin", "s3:///in", 2, "names no bucket; write s3://bucket/prefix"),
        ("stranger", "s3://{bucket}/in/", 2, "the credentials are not known there (InvalidAccessKeyId)"),
    ],
)
def test_a_source_that_cannot_be_read(
    s3: S3Server, bucket: str, tmp_path: Path, key: str, url: str, status: int, said: str
) -> None:
    source = url.format(bucket=bucket)
    done = run(tmp_path / "home", source, str(tmp_path / "out"), s3.environment(key))
    assert_said(done, status, said, source.rstrip("/"))
    assert not list((tmp_path / "out").rglob("*"))


@pytest.mark.parametrize(
    ("key", "url", "said"),
    [
        ("nobody", "s3://{bucket}/marts", "s3://{bucket}/marts: access denied (AccessDenied)"),
        ("reader", "s3://{bucket}/marts", "access denied (AccessDenied); give the credentials s3:PutObject"),
        ("admin", "s3://not-there/marts", "s3://not-there/marts: no such bucket (NoSuchBucket)"),
    ],
)
def test_a_destination_that_cannot_be_written(
    s3: S3Server, bucket: str, tmp_path: Path, key: str, url: str, said: str
) -> None:
    home, source = tmp_path / "home", str(tmp_path / "a.csv")
    done = run(home, source, url.format(bucket=bucket), s3.environment(key))
    assert_said(done, 2, said.format(bucket=bucket))
    assert s3.objects(bucket, "marts/") == {}


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
            2,
            "there are no credentials for it; set",
        ),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, 2, "the secret does not go with the access key"),
        ({"AWS_PROFILE": "nobody-has-it"}, 2, "correct the AWS settings"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:{port}"}, 6, "the object store cannot be reached; check"),
    ],
)
def test_credentials_and_endpoints_that_are_wrong(
    s3: S3Server, bucket: str, tmp_path: Path, change: Mapping[str, str], status: int, said: str
) -> None:
    settings = {name: value.format(port=free_port()) for name, value in change.items()}
    done = run(tmp_path / "home", f"s3://{bucket}/in/", f"s3://{bucket}/marts", s3.environment(**settings))
    assert_said(done, status, said, f"s3://{bucket}")
    assert s3.objects(bucket, "marts/") == {}


def through(proxy: S3Proxy, bucket: str, tmp_path: Path) -> Command:
    destination = f"s3://{bucket}/marts"
    return run(tmp_path / "home", f"s3://{bucket}/in/", destination, proxy.environment())


@pytest.mark.parametrize(
    ("trouble", "status", "said"),
    [
        (Trouble(error=(400, "ExpiredToken")), 6, "have expired (ExpiredToken); renew them, then run again"),
        (Trouble("PUT", "year.parquet", error=(400, "ExpiredToken")), 6, "credentials have expired"),
        (Trouble("GET", "in/a.csv", cut=100), 6, "in/a.csv is cut short: 300 of "),
        (Trouble("GET", "in/a.csv", hangs_up=True), 6, "in/a.csv: the object store does not answer"),
        (
            Trouble("PUT", "manifest.json", hangs_up=True),
            6,
            "manifest.json: the object store does not",
        ),
        (Trouble("PUT", "genre.parquet", error=(503, "SlowDown")), 6, "failed with SlowDown (status 503)"),
    ],
    ids=lambda value: f"{value.method} {value.part}" if isinstance(value, Trouble) else None,
)
def test_trouble_on_the_way(
    s3: S3Server, bucket: str, tmp_path: Path, trouble: Trouble, status: int, said: str
) -> None:
    with proxied(s3, trouble) as proxy:
        assert_said(through(proxy, bucket, tmp_path), status, said, f"s3://{bucket}")
    assert [key for key in s3.objects(bucket, "marts/") if "manifest" in key] == []


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(delay_s=0.2),
        Trouble(times=1, hangs_up=True),
        Trouble("PUT", "manifest.json", times=1, error=(503, "SlowDown")),
        Trouble("GET", "in/a.csv", times=2, cut=100),
    ],
    ids=["slow", "hangs up once", "busy once", "cut twice"],
)
def test_trouble_that_passes(s3: S3Server, bucket: str, tmp_path: Path, trouble: Trouble) -> None:
    with proxied(s3, trouble) as proxy:
        done = through(proxy, bucket, tmp_path)
    assert (done.status, done.stderr) == (0, "")
    assert f" {ROWS} " in done.stdout


def test_a_manifest_whose_receipt_was_lost_is_one_all_the_same(
    s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    """The server stored it, the answer never came, and asked once more it says that there is one."""
    with proxied(s3, Trouble("PUT", "manifest.json", times=1, lost=True)) as proxy:
        done = through(proxy, bucket, tmp_path)
    assert (done.status, done.stderr) == (0, "")


def test_an_object_that_changes_between_listing_and_reading(
    s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    def change() -> None:
        s3.client().put_object(Bucket=bucket, Key="in/a.csv", Body=b"id,title\n1,other\n")

    with proxied(s3, Trouble("GET", "in/a.csv", before=change)) as proxy:
        done = through(proxy, bucket, tmp_path)
    assert_said(done, 3, "in/a.csv", "changed between listing and reading", "run again when the delivery is")


def test_the_file_at_fault_is_named_among_others_that_are_being_fetched(
    s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    def change() -> None:
        s3.client().put_object(Bucket=bucket, Key="in/c.csv", Body=b"other")

    for name in ("b.csv", "c.csv"):
        s3.client().upload_file(str(tmp_path / "a.csv"), bucket, f"in/{name}")
    slow = Trouble("GET", "in/a.csv", delay_s=1)
    with proxied(s3, slow, Trouble("GET", "in/c.csv", before=change)) as proxy:
        done = through(proxy, bucket, tmp_path)
    assert_said(done, 3, "in/c.csv", "changed between listing and reading")
