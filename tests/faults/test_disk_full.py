"""A disk that is full: status 6 and one line, the published run still served, the next run clean."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.settings import Settings
from tests.faults.conftest import Stage
from tests.support.program import command
from tests.support.published import litter, published
from tests.support.server import credentials, serving, token

pytestmark = pytest.mark.may_skip("needs the right to mount a file system of its own")
PLENTY_KIB = 200_000


def mount(folder: Path, options: str) -> None:
    """Mount a file system in memory."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False, capture_output=True, timeout=20
    )
    if done.returncode:
        pytest.skip(f"cannot mount: {done.stderr.decode().strip()}")


@contextmanager
def small_disk(stage: Stage, room_kib: int) -> Iterator[None]:
    """Put the home on a disk of its own that has so much room left beside the published run."""
    used_kib = sum(-(-file.stat().st_size // 4096) * 4 for file in stage.pristine.rglob("*"))
    shutil.rmtree(stage.home)
    stage.home.mkdir()
    mount(stage.home, f"size={used_kib + room_kib}k")
    try:
        shutil.copytree(stage.pristine, stage.home, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", stage.home], check=True, timeout=20)


def assert_refused(stage: Stage) -> None:
    done = command(stage.home, "etl", "run", str(stage.delivery))
    assert (done.status, done.stdout, done.stderr.count("\n")) == (6, "", 1), done.stderr
    assert "disk" in done.stderr
    assert "check " in done.stderr


@pytest.mark.parametrize("room_kib", [150, 1200, 4000], ids=lambda room: f"{room} KiB")
def test_a_disk_that_fills_while_a_run_goes_on(stage: Stage, room_kib: int) -> None:
    with small_disk(stage, room_kib):
        assert_refused(stage)
        assert published(stage.home) == stage.old
        mount(stage.home, f"remount,size={PLENTY_KIB}k")
        run_delivery(Settings(home=stage.home, _env_file=None), str(stage.delivery), RunOptions())
        assert published(stage.home).digest == stage.new_digest
        assert litter(stage.home) == []


def fill(path: Path) -> None:
    """Take all the room there is."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            continue
    assert shutil.disk_usage(path.parent).free == 0


def test_a_server_goes_on_answering_where_not_a_byte_is_left(stage: Stage) -> None:
    with small_disk(stage, PLENTY_KIB), serving(stage.home) as server:
        bearer = {"Authorization": f"Bearer {token(server.url, credentials(stage.home))}"}
        with httpx.Client(base_url=server.url, headers=bearer, timeout=20) as client:
            before = client.get("/v1/aggregates/years")
            assert before.headers["run-id"] == stage.old.run_id
            fill(stage.home / "filler")
            assert_refused(stage)
            assert client.get("/v1/aggregates/years").content == before.content
            assert client.get("/readyz").status_code == 200
            (stage.home / "filler").unlink()
            assert command(stage.home, "etl", "run", str(stage.delivery)).status == 0
            assert client.get("/v1/aggregates/years").headers["run-id"] == published(stage.home).run_id
