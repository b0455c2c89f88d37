"""What holds for every test: no network beyond this machine, and no silent skip in CI."""

import ipaddress
import os
import socket
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.postgres import PostgresServer
    from tests.support.s3 import S3Server
    from tests.support.snowflake import SnowflakeServer

MAY_SKIP = "may_skip"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and close the network before the first import of a test."""
    config.addinivalue_line("markers", f"{MAY_SKIP}(reason): this test may be skipped in CI, for this reason")
    sys.addaudithook(_only_this_machine)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[S3Server]":
    """One S3 server for all tests that only use it; each takes a bucket of its own."""
    from tests.support.s3 import s3_server  # late: most tests need no boto3

    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


def _only_this_machine(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        connection, address = arguments
        if connection.family != socket.AF_UNIX and not _is_loopback(address[0]):
            raise ConnectionRefusedError(f"tests stay on this machine, and this one called {address!r}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test that skips fails, unless it is marked as one that may."""
    report = yield
    if item.get_closest_marker(MAY_SKIP) is None and not hasattr(report, "wasxfail"):
        _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """In CI a module that skips as a whole fails too."""
    report = yield
    _forbid_skip(report)
    return report


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.outcome == "skipped" and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"


@pytest.fixture(scope="session")
def postgres() -> "Iterator[PostgresServer]":
    """A PostgreSQL for all tests, which leave it running."""
    from tests.support.postgres import postgres_server, programs  # late: few tests need a driver

    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: "PostgresServer") -> str:
    """The URL of a database of the test's own, both of its schemas at head."""
    return postgres.create()


@pytest.fixture(scope="session")
def snowflake() -> "Iterator[SnowflakeServer]":
    """A fake of Snowflake for all tests, which leave it running."""
    from tests.support.snowflake import PROGRAM, snowflake_server  # late: few tests need it

    if not PROGRAM.exists():
        pytest.skip("fakesnow is not installed: make .venv-fakesnow/.installed")
    with snowflake_server() as server:
        yield server
