"""A bucket, or a prefix in one, as an object store: AWS S3 and all that speak its protocol."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError

from app.errors import StoreFailure
from app.storage.base import Content, ObjectChanged, StoreCapabilities, Stored
from app.storage.s3_errors import code_of, explained

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 20
#: How often the reading of one object is begun, the rest of it each time.
READS = 3
_PART_BYTES = 16 * 2**20
_CHUNK_BYTES = 2**20
#: What a condition that does not hold is answered with; 409 is of AWS, where two write at once.
_NOT_AS_EXPECTED = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "404"}
#: Servers that know no multipart uploads, or show them to nobody, drop what is left of them by a rule.
_NO_UPLOADS = {"AccessDenied", "NotImplemented", "MethodNotAllowed"}


class S3Store:
    """Objects of a bucket whose keys begin with a prefix. Credentials are those that AWS' tools find."""

    capabilities = StoreCapabilities(name="S3", url="`s3://BUCKET/PREFIX`", remote=True, multipart=True)

    def __init__(self, bucket: str, prefix: str = "") -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.rstrip('/')}/".lstrip("/")
        self.url = f"s3://{bucket}/{self._prefix}".rstrip("/")
        with self._failures("", "connect"):
            self._client = _client()
        self._transfer = TransferConfig(
            multipart_threshold=_PART_BYTES, multipart_chunksize=_PART_BYTES, max_concurrency=4
        )

    def check(self) -> None:
        """See ``ObjectStore``."""
        with self._failures("", "s3:ListBucket"):
            self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)

    def put(self, key: str, path: Path) -> None:
        """See ``ObjectStore``: a large file goes in parts, several at once."""
        with path.open("rb") as file, self._failures(key, "s3:PutObject"):
            self._client.upload_fileobj(file, self._bucket, self._prefix + key, Config=self._transfer)

    def put_if_absent(self, key: str, data: bytes) -> str | None:
        """See ``ObjectStore``."""
        return self._put_if(key, data, IfNoneMatch="*")

    def replace(self, key: str, data: bytes, etag: str) -> str | None:
        """See ``ObjectStore``."""
        return self._put_if(key, data, IfMatch=etag)

    def stat(self, key: str) -> Stored | None:
        """See ``ObjectStore``. A listing, as the answer to a HEAD has no room for what is wrong."""
        full = self._prefix + key
        with self._failures(key, "s3:ListBucket"):
            page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=full, MaxKeys=1)
        found = [item for item in page.get("Contents", ()) if item["Key"] == full]
        return self._stored(found[0]) if found else None

    def exists(self, key: str) -> bool:
        """See ``ObjectStore``."""
        return self.stat(key) is not None

    def read(self, key: str) -> Content | None:
        """See ``ObjectStore``."""
        with self._failures(key, "s3:GetObject"):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
                return Content(answer["Body"].read(), answer["ETag"])
            except ClientError as error:
                if code_of(error) != "NoSuchKey":
                    raise
                return None

    def below(self, prefix: str = "") -> list[Stored]:
        """See ``ObjectStore``: sorted here, as not every server lists by bytes."""
        start = self._prefix + (f"{prefix.rstrip('/')}/" if prefix else "")
        with self._failures(prefix, "s3:ListBucket"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=start)
            found = [self._stored(item) for page in pages for item in page.get("Contents", ())]
        return sorted(found, key=lambda stored: stored.key.encode())

    def fetch(self, found: Stored, path: Path, seen: Callable[[bytes], object] = lambda data: None) -> None:
        """See ``ObjectStore``. Where the connection breaks the rest is asked for, a few times."""
        with path.open("wb") as file, self._failures(found.key, "s3:GetObject"):
            for read in range(READS):
                time.sleep(read)
                self._stream(found, file, seen)
                if file.tell() == found.size:
                    return
            raise StoreFailure(
                f"{self._where(found.key)} is cut short: {file.tell()} of {found.size} bytes came",
                "check the connection to the object store, then run again",
            )

    def local(self, key: str, work: Path) -> Path:
        """See ``ObjectStore``."""
        found = self.stat(key)
        if found is None:
            raise StoreFailure(
                f"{self._where(key)} is missing", "the run's landed files were moved or deleted"
            )
        path = work / key.replace("/", "_")
        self.fetch(found, path)
        return path

    def delete(self, key: str, etag: str | None = None) -> bool:
        """See ``ObjectStore``."""
        condition = {"IfMatch": etag} if etag else {}
        with self._failures(key, "s3:DeleteObject"):
            try:
                self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key, **condition)
            except ClientError as error:
                if code_of(error) not in _NOT_AS_EXPECTED:
                    raise
                return not self.exists(key)
        return True

    def delete_below(self, prefix: str) -> None:
        """See ``ObjectStore``; one by one, as servers differ in how many they delete at once."""
        for found in self.below(prefix):
            self.delete(found.key)
        with self._failures(prefix, "s3:ListBucketMultipartUploads"):
            for upload in self._uploads(f"{self._prefix}{prefix.rstrip('/')}/"):
                self._client.abort_multipart_upload(Bucket=self._bucket, **upload)

    def _uploads(self, below: str) -> list[dict[str, str]]:
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._bucket, Prefix=below
        )
        try:
            found = [item for page in pages for item in page.get("Uploads", ())]
        except ClientError as error:
            if code_of(error) not in _NO_UPLOADS:
                raise
            return []
        return [{"Key": item["Key"], "UploadId": item["UploadId"]} for item in found]

    def _put_if(self, key: str, data: bytes, **condition: str) -> str | None:
        with self._failures(key, "s3:PutObject"):
            try:
                answer = self._client.put_object(
                    Bucket=self._bucket, Key=self._prefix + key, Body=data, **condition
                )
            except ClientError as error:
                if code_of(error) not in _NOT_AS_EXPECTED:
                    raise
                return self._if_ours(key, data)
        return str(answer["ETag"])

    def _if_ours(self, key: str, data: bytes) -> str | None:
        """Return the ETag where a put was done although its answer was lost and boto3 asked once more."""
        found = self.read(key)
        return found.etag if found and found.data == data else None

    def _stream(self, found: Stored, file: IO[bytes], seen: Callable[[bytes], object]) -> None:
        rest = {"Range": f"bytes={file.tell()}-"} if file.tell() else {}
        try:
            answer = self._client.get_object(
                Bucket=self._bucket, Key=self._prefix + found.key, IfMatch=found.etag, **rest
            )
        except ClientError as error:
            if code_of(error) not in _NOT_AS_EXPECTED:
                raise
            raise ObjectChanged(
                f"{self._where(found.key)} changed since it was listed", "run again"
            ) from error
        with suppress(HTTPClientError, IncompleteReadError):  # boto3 asks again only until a body begins
            for data in answer["Body"].iter_chunks(_CHUNK_BYTES):
                file.write(data)
                seen(data)

    def _stored(self, item: dict[str, Any]) -> Stored:
        return Stored(item["Key"].removeprefix(self._prefix), item["Size"], item["ETag"])

    def _where(self, key: str) -> str:
        return f"{self.url}/{key}".rstrip("/")

    @contextmanager
    def _failures(self, key: str, needs: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise explained(error, self._where(key), needs) from error


def _client() -> Any:
    """Return boto3's client with bounds to its patience.

    A server of one's own is named by host, not by bucket, and may know nothing of the newer check sums.
    """
    options: dict[str, Any] = {}
    if any(name in os.environ for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")):
        options["s3"] = {"addressing_style": "path"}
    if "AWS_REQUEST_CHECKSUM_CALCULATION" not in os.environ:
        options["request_checksum_calculation"] = "when_required"
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard"},
        **options,
    )
    return boto3.session.Session().client("s3", config=config)
