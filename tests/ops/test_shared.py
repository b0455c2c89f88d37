"""The folder that the workers of a server share: made for them, removed after them, never somebody else's."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from app import shared
from app.shared import VARIABLE, grow, open_file, shared_folder

SERVER = """
import sys
from app import shared
from pathlib import Path

shared._parent = lambda: Path(sys.argv[1])
with shared.shared_folder() as folder:
    print(folder, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where folders are made in these tests; none is given from outside."""
    monkeypatch.setattr(shared, "_parent", lambda: tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path


def old(folder: Path) -> None:
    """Let a folder seem an hour old."""
    at = folder.stat().st_mtime - 3_600
    os.utime(folder, (at, at))


def test_workers_find_it_and_nothing_is_left(parent: Path) -> None:
    with shared_folder() as folder:
        assert os.environ[VARIABLE] == str(folder)
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "metrics-0").touch()
    assert VARIABLE not in os.environ
    assert list(parent.iterdir()) == []


def test_nothing_is_left_after_a_failure_either(parent: Path) -> None:
    with pytest.raises(RuntimeError), shared_folder():
        raise RuntimeError
    assert VARIABLE not in os.environ
    assert list(parent.iterdir()) == []


def test_a_folder_that_is_given_is_used_and_kept(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = parent / "given"
    given.mkdir()
    monkeypatch.setenv(VARIABLE, str(given))
    with shared_folder() as folder:
        assert folder == given
    assert os.environ[VARIABLE] == str(given)
    assert given.is_dir()


def test_a_disk_without_room_says_so(tmp_path: Path) -> None:
    """A write of more than fits is a part at first, as it is where a file may grow no more."""
    descriptor = open_file(tmp_path / "file")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
        with pytest.raises(OSError, match="File too large"):
            grow(descriptor, 20_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        os.close(descriptor)


def test_what_a_killed_server_left_is_removed_and_what_a_living_one_has_is_not(parent: Path) -> None:
    stranger = parent / "other-folder"
    stranger.mkdir()
    old(stranger)
    command = [sys.executable, "-c", SERVER, str(parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        other = Path(process.stdout.readline().strip())
        old(other)
        with shared_folder():
            assert other.is_dir()
        process.kill()
        process.wait()
    with shared_folder() as folder:
        assert sorted(parent.iterdir()) == sorted([folder, stranger])


def test_a_folder_without_mark_that_is_new_may_belong_to_a_server_that_starts(parent: Path) -> None:
    starting = parent / "movie-marts-x"
    starting.mkdir()
    with shared_folder():
        assert starting.is_dir()
    old(starting)
    with shared_folder():
        assert not starting.exists()
