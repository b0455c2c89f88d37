"""What has landed, and a warehouse that does not have it."""

from pathlib import Path

import pytest

from tests.support.rebuilding import Lake, copied, make_lake


@pytest.fixture(scope="session")
def made_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Three runs, and another program that shares their destination."""
    return make_lake(tmp_path_factory.mktemp("lake"))


@pytest.fixture
def lake(made_lake: Lake, tmp_path: Path) -> Lake:
    """The same, to change."""
    return copied(made_lake, tmp_path)
