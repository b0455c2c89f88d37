"""A replica whose keeper is killed at any step, whose disk is full, whose file is spoilt or not of today."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from app.database import downgrade, ready, transaction, version_table
from app.etl.options import RunOptions
from app.etl.pipeline import run_delivery
from app.serving.replica import sync
from app.serving.replica.place import open_file
from app.settings import Settings
from tests.support.movies import LATER, MOVIES
from tests.support.replicated import Replicated, elsewhere
from tests.support.small import movie, write

#: Looks once at a warehouse, and dies by SIGKILL just before the n-th of what changes a file's name or opens
#: a database; prints the events that it lived through.
KILLED = """
import os, signal, sys
from pathlib import Path
from app.serving.replica.place import Place
from app.serving.replica.sync import Replica
from app.warehouse.opening import ready_warehouse
warehouse, folder, left = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

def count(event, arguments):
    global left
    if event in {"sqlite3.connect", "os.rename", "os.remove", "os.symlink"} and str(folder) in str(arguments):
        print(event, flush=True)
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

replica = Replica(ready_warehouse(warehouse), Place(folder))
sys.addaudithook(count)
replica.sync()
"""


@pytest.fixture
def pair(tmp_path: Path) -> Replicated:
    """A replica of one run; at the warehouse another was published since, and the first one pruned."""
    made = elsewhere(tmp_path)
    made.world.add("first", MOVIES)
    made.publish("first")
    made.replica().sync()
    made.world.add("second", LATER)
    made.publish("second")
    made.prune("first")
    return made


def killed(pair: Replicated, step: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", KILLED, pair.url, str(pair.place.folder), str(step)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the time pass in which old files stay."""
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + sync.KEPT_FOR_S)


def test_a_keeper_that_is_killed_at_any_step_leaves_the_old_or_the_new(
    pair: Replicated, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = pair.held(), pair.kept()
    seen = []
    for step in range(1, 40):
        done = killed(pair, step)
        seen.append(pair.held() == new)
        assert pair.held() in (old, new), done.stdout
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr
    assert seen[0] is False
    assert seen[-1] is True
    assert len(seen) > 8
    replica = pair.replica()
    later(monkeypatch)
    replica.sync()
    assert pair.held() == new
    assert pair.files() == {"marts.sqlite", "marts"}
    assert len([file for file in pair.place.files() if file.suffix == ".sqlite"]) == 1


@pytest.mark.parametrize("spoil", ["no database", "half of it", "a page", "nothing", "a dangling link"])
def test_a_file_that_is_spoilt_is_made_anew(pair: Replicated, spoil: str) -> None:
    file = pair.place.store.resolve()
    size = file.stat().st_size
    match spoil:
        case "no database":
            file.write_bytes(b"no database" * 1000)
        case "half of it":
            os.truncate(file, size // 2)
        case "a page":
            with file.open("rb+") as pages:
                pages.seek(size // 2 // 4096 * 4096)
                pages.write(os.urandom(4096))
        case "nothing":
            os.truncate(file, 0)
        case "a dangling link":
            file.unlink()
    assert pair.replica().sync()
    assert pair.held() == pair.kept()


def test_an_older_schema_is_migrated_and_a_newer_one_made_anew(pair: Replicated) -> None:
    downgrade(open_file(pair.place.store), "warehouse", "-1")
    assert pair.replica().sync()
    assert pair.held() == pair.kept()
    with transaction(open_file(pair.place.store)) as connection:
        table = version_table("warehouse")
        connection.exec_driver_sql(f"UPDATE {table} SET version_num = 'of a newer program'")  # noqa: S608 - our name
    assert pair.replica().sync()
    assert pair.held() == pair.kept()
    ready(open_file(pair.place.store), "warehouse")


def test_where_the_disk_is_full_the_old_file_serves_on(
    pair: Replicated, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.replica().sync()
    old = pair.held()
    settings = Settings(home=pair.home, warehouse_url=pair.url, _env_file=None)
    large = write(pair.home / "large.csv", [movie(n, date=f"{1500 + n % 500}-01-01") for n in range(1, 999)])
    run_delivery(settings, str(large), RunOptions())
    with monkeypatch.context() as patch:
        patch.setattr("app.serving.replica.build._without_journal", _of_few_pages)
        with pytest.raises(Exception, match="full"):
            pair.replica().sync()
    assert pair.held() == old
    assert pair.replica().sync()
    assert pair.held() == pair.kept()
    assert pair.files() == {"marts.sqlite", "marts"}


def _of_few_pages(connection: sqlite3.Connection, _record: object) -> None:
    """Give a file no more pages than it has: SQLite says the same as where the disk is full."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count={pages}")


def test_a_folder_that_was_deleted_is_made_anew(pair: Replicated) -> None:
    replica = pair.replica()
    replica.sync()
    assert not replica.sync()
    shutil.rmtree(pair.place.folder)
    assert replica.sync()
    assert pair.held() == pair.kept()


def test_readers_of_the_old_file_read_on_while_it_is_replaced(pair: Replicated) -> None:
    file = pair.place.store
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as early:
        early.execute("BEGIN")
        before = early.execute("SELECT count(*) FROM mart_year WHERE run = 1").fetchone()
        assert pair.replica().sync()
        assert early.execute("SELECT count(*) FROM mart_year WHERE run = 1").fetchone() == before
        early.execute("ROLLBACK")
        assert early.execute("SELECT count(*) FROM mart_year WHERE run = 1").fetchone() == before
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as late:
        assert late.execute("SELECT count(*) FROM mart_year WHERE run = 1").fetchone() == (0,)
