"""A real S3 server (SeaweedFS) on free ports of loopback, with keys that may do all, read, or nothing."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.ports import free_ports
from tests.support.waiting import wait_until

PROGRAM = Path(sys.executable).with_name("weed")
STARTS_WITHIN_S = 60
SOCKETS = "/tmp"  # noqa: S108 - where the server makes them, named by its ports
#: What each key of the server may do; its secret is its name and ``-secret``.
ACTIONS = {"admin": ("Admin", "Read", "Write", "List", "Tagging"), "reader": ("Read", "List"), "nobody": ()}
PORTS = ("master", "volume", "filer", "s3")
_buckets = count(1)


@dataclass
class S3Server:
    """A server that can be killed and started again with what it holds."""

    folder: Path
    ports: list[int] = field(default_factory=lambda: free_ports(2 * len(PORTS)))
    process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The port of the S3 API."""
        return self.ports[PORTS.index("s3")]

    @property
    def endpoint(self) -> str:
        """The URL of the S3 API."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self, key: str = "admin", **settings: str) -> dict[str, str]:
        """Return the ``AWS_*`` variables of a process that uses the server with a key of ``ACTIONS``."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": f"{key}-secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(self.folder / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "none"),
        } | settings

    def client(self, key: str = "admin") -> Any:
        """Return boto3's own client, for what a test puts there and looks at."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=f"{key}-secret",
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, retries={"mode": "standard", "max_attempts": 2}),
        )

    def bucket(self) -> str:
        """Create an empty bucket and return its name."""
        name = f"bucket-{next(_buckets)}"
        self.client().create_bucket(Bucket=name)
        return name

    def objects(self, bucket: str, prefix: str = "") -> dict[str, bytes]:
        """Return every object of a bucket by key."""
        client = self.client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        return {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def start(self) -> None:
        """Start it and wait until it can store and list."""
        with (self.folder / "weed.log").open("ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, *_options(self.folder, self.ports)], cwd=self.folder, stdout=log, stderr=log
            )
        if not wait_until(self._works, STARTS_WITHIN_S):
            raise AssertionError((self.folder / "weed.log").read_text()[-2000:])

    def kill(self) -> None:
        """End it at once, with all that it was doing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)

    def _works(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "weed.log").read_text()[-2000:]
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                client = self.client()
            client.create_bucket(Bucket="ready")
            client.put_object(Bucket="ready", Key="ready", Body=b"ready")
        except ClientError as error:
            return "BucketAlready" in str(error) and self._stores()
        except (OSError, BotoCoreError):
            return False
        return True

    def _stores(self) -> bool:
        try:
            self.client().put_object(Bucket="ready", Key="ready", Body=b"ready")
        except (ClientError, BotoCoreError):
            return False
        return True


def _options(folder: Path, ports: list[int]) -> list[str]:
    """Return the arguments of a server whose every listener is on loopback, and that reports to nobody."""
    identities = [
        {
            "name": name,
            "credentials": [{"accessKey": name, "secretKey": f"{name}-secret"}],
            "actions": list(actions),
        }
        for name, actions in ACTIONS.items()
    ]
    (folder / "identities.json").write_text(json.dumps({"identities": identities}))
    (folder / "master.toml").write_text("[master.volume_growth]\ncopy_1 = 1\n")  # a bucket begins small
    (folder / "data").mkdir(exist_ok=True)
    listeners = {
        f"-{part}.port{kind}": ports[index + offset]
        for kind, offset in (("", 0), (".grpc", len(PORTS)))
        for index, part in enumerate(PORTS)
    }
    return [
        "-logtostderr",
        "server",
        f"-dir={folder / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        "-master.electionTimeout=1s",  # by default it takes 13 s to start again
        "-master.volumeSizeLimitMB=64",
        "-volume.max=5000",
        "-volume.preStopSeconds=0",
        "-filer",
        "-s3",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.iam=false",
        "-s3.autoCreateBucket=false",
        f"-s3.config={folder / 'identities.json'}",
        *(f"{name}={port}" for name, port in listeners.items()),
    ]


@contextlib.contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Run a server until the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    server = S3Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        for port in server.ports:  # it makes sockets there besides, whatever it is told
            for left in Path(SOCKETS).glob(f"seaweedfs-*-{port}.sock"):
                left.unlink()
