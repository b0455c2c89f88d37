"""What is S3's own: parts, the wish for order, and answers that must not be taken for the truth."""

import os
import time
from pathlib import Path

import pytest

from app.errors import StoreFailure, StoreRefused
from app.storage import ObjectStore, open_store, s3
from app.storage.s3 import S3Store
from tests.support.ports import free_port
from tests.support.s3 import S3Server
from tests.support.s3_proxy import Trouble, proxied


@pytest.fixture
def bucket(at_s3: S3Server) -> str:
    """An empty bucket."""
    return at_s3.bucket()


def uploads(server: S3Server, bucket: str) -> list[str]:
    return [item["Key"] for item in server.client().list_multipart_uploads(Bucket=bucket).get("Uploads", ())]


def test_parts_that_a_killed_run_left_go_with_its_objects(at_s3: S3Server, bucket: str) -> None:
    for key in ("marts/runs/a/big.parquet", "marts/runs/ab/big.parquet"):
        begun = at_s3.client().create_multipart_upload(Bucket=bucket, Key=key)
        part = {"UploadId": begun["UploadId"], "PartNumber": 1, "Body": bytes(5 * 2**20)}
        at_s3.client().upload_part(Bucket=bucket, Key=key, **part)
    open_store(f"s3://{bucket}/marts").delete_below("runs/a")
    assert uploads(at_s3, bucket) == ["marts/runs/ab/big.parquet"]


def test_a_large_file_goes_in_parts_and_leaves_none(at_s3: S3Server, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(os.urandom(17 * 2**20))
    store = open_store(f"s3://{bucket}")
    store.put("big", tmp_path / "big")
    found = store.stat("big")
    assert found is not None
    assert found.etag.strip('"').endswith("-2")
    assert uploads(at_s3, bucket) == []


@pytest.mark.parametrize("key", ["nobody", "reader"])
def test_what_may_not_be_done_is_refused_and_not_taken_for_absence(
    at_s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    open_store(f"s3://{bucket}").put_if_absent("a", b"there")
    for name, value in at_s3.environment(key).items():
        monkeypatch.setenv(name, value)
    store = open_store(f"s3://{bucket}")
    with pytest.raises(StoreRefused, match="s3:PutObject"):
        store.put_if_absent("a", b"other")
    with pytest.raises(StoreRefused, match="s3:DeleteObject"):
        store.delete("a")
    if key == "nobody":
        for question in (store.exists, store.read, store.below):
            with pytest.raises(StoreRefused):
                question("a")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_an_answer_that_is_lost_is_no_condition_that_failed(
    at_s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Asked once more, the server says that it is not as expected: by then it is as we wanted it."""
    with proxied(at_s3, Trouble(method, "/lock", times=1, lost=True)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.environment()["AWS_ENDPOINT_URL"])
        store: ObjectStore = open_store(f"s3://{bucket}")
        etag = store.put_if_absent("lock", b"mine")
        assert etag is not None
        assert store.delete("lock", etag)
        assert sum(asked.startswith(method) for asked in proxy.asked) == 2
    assert not store_of(at_s3, bucket, monkeypatch).exists("lock")


def store_of(server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    return open_store(f"s3://{bucket}")


def test_what_was_cut_goes_on_where_it_ended(
    at_s3: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, seen = os.urandom(3_000_000), bytearray()
    at_s3.client().put_object(Bucket=bucket, Key="a", Body=data)
    with proxied(at_s3, Trouble("GET", "/a", times=2, cut=1_200_000)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.environment()["AWS_ENDPOINT_URL"])
        store = open_store(f"s3://{bucket}")
        [found] = store.below()
        store.fetch(found, tmp_path / "a", seen.extend)
        assert sum(asked.endswith("/a") for asked in proxy.asked) == s3.READS
    assert (tmp_path / "a").read_bytes() == seen == data


def test_a_dead_endpoint_is_given_up_within_half_a_minute(
    at_s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    start = time.monotonic()
    with pytest.raises(StoreFailure, match="cannot be reached"):
        S3Store("bucket").check()
    assert time.monotonic() - start < 30
