"""Migrations: they build what the program declares, go back and forth, and never run twice at once."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, create_engine

from app.database import current, downgrade, head, open_engine, ready, transaction, upgrade
from app.marts.catalog import run_table
from app.marts.tables import metadata
from tests.support.movies import MOVIES
from tests.support.program import command
from tests.support.schema import differences
from tests.support.world import World

#: Migrates every file named on stdin, a line each, and says so.
MIGRATE = """
import sys
from app.database import open_engine, ready
print("started", flush=True)
for line in sys.stdin:
    ready(open_engine("sqlite:///" + line.rstrip()), "warehouse")
    print("migrated", flush=True)
"""


@pytest.fixture
def implementation() -> str:
    """SQLite files alone."""
    return "sqlite"


def test_migrations_build_what_is_declared(engine: Engine) -> None:
    assert run_table.metadata is metadata
    assert differences(engine, metadata) == []


def test_the_comparison_finds_what_no_migration_adds(engine: Engine) -> None:
    grown = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.tables.values():
        table.to_metadata(grown)
    grown.tables["mart_year"].append_column(Column("forgotten", Integer))
    assert [change[0] for change in differences(engine, grown)] == ["add_column"]  # type: ignore[index] # Alembic types it as a union


def storage(file: Path) -> set[tuple[str, bool]]:
    """Return each table of a file, and whether it is stored without row ids: what no comparison looks at."""
    with closing(sqlite3.connect(file)) as connection:
        listed = connection.execute("PRAGMA table_list").fetchall()
    return {(row[1], bool(row[4])) for row in listed if row[1] != "alembic_version_warehouse"}


def test_tables_are_stored_as_declared(engine: Engine, tmp_path: Path) -> None:
    declared = create_engine(f"sqlite:///{tmp_path / 'declared.sqlite'}")
    metadata.create_all(declared)
    declared.dispose()
    assert storage(Path(str(engine.url.database))) == storage(tmp_path / "declared.sqlite")


def counts(engine: Engine) -> dict[str, int]:
    """Return the rows of every table."""
    with closing(sqlite3.connect(str(engine.url.database))) as connection:
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM pragma_table_list WHERE type <> 'shadow'")
            if name != "alembic_version_warehouse" and not name.startswith("sqlite_")
        ]
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}  # noqa: S608 - the file's own tables


def test_down_to_base_and_up_again_with_rows_in_place(engine: Engine, world: World) -> None:
    for run in ("a", "b", "a"):
        world.publish(run)
    filled = counts(engine)
    empty = {"run_lock"}
    assert {name for name, count in filled.items() if not count} == empty
    downgrade(engine, "warehouse", "base")
    assert (current(engine, "warehouse"), counts(engine)) == (None, {})
    ready(engine, "warehouse")
    assert counts(engine) == dict.fromkeys(filled, 0)
    assert differences(engine, metadata) == []
    World(engine).add("again", MOVIES)
    assert counts(engine)["run"] == 1


def test_head_is_reached_once(engine: Engine) -> None:
    assert current(engine, "warehouse") == head("warehouse")
    upgrade(engine, "warehouse")
    assert current(engine, "warehouse") == head("warehouse")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("etl", "runs"), "at revision warehouse_9999, unknown to this program"),
        (("etl", "run", "a.csv"), "at revision warehouse_9999, unknown to this program"),
        (("etl", "run", "a.csv", "--dry-run"), "at revision warehouse_9999, unknown to this program"),
        (("db", "upgrade"), "'warehouse_9999'"),
    ],
)
def test_a_database_of_a_newer_program_is_refused(
    engine: Engine, home: Path, arguments: tuple[str, ...], said: str
) -> None:
    with closing(sqlite3.connect(str(engine.url.database))) as connection, connection:
        connection.execute("UPDATE alembic_version_warehouse SET version_num = 'warehouse_9999'")
    done = command(home, *arguments)
    assert (done.status, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "warehouse database" in done.stderr
    assert said in done.stderr
    assert "newer program" in done.stderr


def test_many_processes_migrate_an_empty_file_at_once(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.sqlite" for number in range(5)]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    try:
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "started\n"
        for file in files:
            _all_at_once(children, file)
    finally:
        ends = [child.communicate(timeout=30) for child in children]
    assert [child.returncode for child in children] == [0, 0, 0], ends
    for file in files:
        assert current(open_engine(f"sqlite:///{file}"), "warehouse") == head("warehouse")


def _all_at_once(children: list[subprocess.Popen[str]], file: Path) -> None:
    for child in children:
        assert child.stdin is not None
        child.stdin.write(f"{file}\n")
        child.stdin.flush()
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "migrated\n"


def test_a_file_of_before_its_history_had_a_table_of_its_own_is_known(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE alembic_version_warehouse RENAME TO alembic_version")
    assert current(engine, "warehouse") == head("warehouse")
    downgrade(engine, "warehouse", "warehouse_0002")
    assert current(ready(engine, "warehouse"), "warehouse") == head("warehouse")
    assert "alembic_version" not in {name for name, _ in storage(Path(str(engine.url.database)))}
