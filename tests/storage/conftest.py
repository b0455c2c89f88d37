"""A store of its own for each test, of every kind that there is."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from app.storage import ObjectStore, open_store
from tests.support.s3 import S3Server

#: What a store of each kind is opened by, given the S3 server and a folder.
URLS: Mapping[str, Callable[[pytest.FixtureRequest, Path], str]] = {
    "folder": lambda _, folder: str(folder / "lake"),
    "bucket": lambda request, _: f"s3://{request.getfixturevalue('s3').bucket()}",
    "prefix": lambda request, _: f"s3://{request.getfixturevalue('s3').bucket()}/deep/down/",
}


@pytest.fixture
def at_s3(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The S3 server, as the one that this process uses."""
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    return s3


@pytest.fixture(params=URLS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty store."""
    if request.param != "folder":
        request.getfixturevalue("at_s3")
    return open_store(URLS[request.param](request, tmp_path))
