"""The published pointer: publish, roll back, roll back further, prune; and what a reader sees meanwhile."""

import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, Engine, select

from app.database import sole_writer, transaction
from app.errors import PrunedRun, UnknownRun
from app.marts.catalog import publication_table, run_table
from app.warehouse import publish as pointer
from app.warehouse import runs
from tests.support.landed import COLUMNS
from tests.support.movies import LATER, MOVIES, Movie, stored
from tests.support.warehouses import TAKE_TURNS, loaded_runs, rows
from tests.support.world import World


def publish(engine: Engine, run_id: str) -> str:
    with sole_writer(engine, publication_table) as connection:
        return pointer.publish(connection, run_id).run_id


def rollback(engine: Engine, to: str | None = None) -> str:
    with sole_writer(engine, publication_table) as connection:
        return pointer.rollback(connection, to).run_id


def prune(world: World, run_id: str) -> bool:
    with world.engine.connect() as connection:
        run = runs.find(connection, run_id)
    return pointer.prune(world.warehouse, run)


def statuses(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        found = connection.execute(select(run_table.c.run_id, run_table.c.status))
        return {row.run_id: row.status for row in found}


def moves(engine: Engine) -> int:
    with engine.connect() as connection:
        return len(connection.execute(select(publication_table)).all())


def test_publishing_moves_the_pointer_once(world: World) -> None:
    publish(world.engine, "a")
    publish(world.engine, "b")
    assert statuses(world.engine) == {"a": "superseded", "b": "published", "c": "held", "d": "held"}
    assert moves(world.engine) == 2
    publish(world.engine, "b")
    assert moves(world.engine) == 2


def test_a_run_keeps_the_time_of_its_first_publication(world: World) -> None:
    with transaction(world.engine) as connection:
        first = pointer.publish(connection, "a").published_at
        assert first is not None
    publish(world.engine, "b")
    with transaction(world.engine) as connection:
        assert pointer.publish(connection, "a").published_at == first


def test_a_published_run_has_no_reason_left(empty: World) -> None:
    empty.add("held", MOVIES, reason="releases fell below half")
    with transaction(empty.engine) as connection:
        assert pointer.publish(connection, "held").reason is None


def test_a_failed_run_cannot_be_published(empty: World) -> None:
    empty.add("failed", (), status="failed")
    with pytest.raises(UnknownRun, match="failed and has no marts"):
        publish(empty.engine, "failed")
    assert moves(empty.engine) == 0


def test_rollback_goes_back_and_again_further(world: World) -> None:
    for run in ("a", "b", "c"):
        publish(world.engine, run)
    assert rollback(world.engine) == "b"
    assert rollback(world.engine) == "a"
    with pytest.raises(UnknownRun, match="nothing was published before"):
        rollback(world.engine)
    assert statuses(world.engine) == {
        "a": "published",
        "b": "superseded",
        "c": "superseded",
        "d": "held",
    }


def test_what_came_after_a_rollback_is_not_gone_back_to(world: World) -> None:
    for run in ("a", "b"):
        publish(world.engine, run)
    rollback(world.engine)
    publish(world.engine, "c")
    assert rollback(world.engine) == "a"


def test_publishing_by_hand_what_was_published_before_can_be_rolled_back(world: World) -> None:
    for run in ("a", "b", "a"):
        publish(world.engine, run)
    assert rollback(world.engine) == "b"
    assert rollback(world.engine) == "a"


def test_rollback_without_a_publication(world: World) -> None:
    with pytest.raises(UnknownRun, match="nothing was published before"):
        rollback(world.engine)


def test_rollback_to_a_run(world: World) -> None:
    for run in ("a", "b", "c", "d"):
        publish(world.engine, run)
    assert rollback(world.engine, "b") == "b"
    assert rollback(world.engine) == "a"


def test_rollback_to_a_run_that_was_never_published(world: World) -> None:
    publish(world.engine, "a")
    assert rollback(world.engine, "d") == "d"
    assert rollback(world.engine) == "a"


def test_rollback_passes_over_pruned_runs(world: World) -> None:
    for run in ("a", "b", "c"):
        publish(world.engine, run)
    assert prune(world, "b")
    assert rollback(world.engine) == "a"


def test_rollback_never_goes_to_the_present_run(world: World) -> None:
    for run in ("a", "b", "a"):
        publish(world.engine, run)
    assert prune(world, "b")
    with pytest.raises(UnknownRun, match="nothing was published before"):
        rollback(world.engine)


@pytest.mark.parametrize("move", [publish, rollback])
def test_a_pruned_run_is_told_from_an_unknown_one(world: World, move: object) -> None:
    assert callable(move)
    publish(world.engine, "a")
    prune(world, "b")
    with pytest.raises(PrunedRun, match="run b was pruned on 2"):
        move(world.engine, "b")
    with pytest.raises(UnknownRun, match="no run 'z'"):
        move(world.engine, "z")


def test_the_current_run_is_not_pruned(world: World) -> None:
    with world.engine.connect() as connection:
        was_not_current = runs.find(connection, "a")
    publish(world.engine, "a")
    assert not pointer.prune(world.warehouse, was_not_current)
    with world.engine.connect() as connection:
        assert rows(connection, "year", 1) == stored("year", MOVIES)


def test_pruning_deletes_the_rows_and_keeps_the_name(world: World) -> None:
    assert prune(world, "a")
    with world.engine.connect() as connection:
        assert loaded_runs(connection) == {2, 3, 4}
        [name, pruned_at] = connection.execute(
            select(run_table.c.run_id, run_table.c.pruned_at).where(run_table.c.seq == 1)
        ).one()
    assert name == "a"
    assert pruned_at is not None


def test_a_reader_sees_the_old_run_or_the_new_one(world: World) -> None:
    """In one statement after the other, while the pointer moves as fast as it can."""
    publish(world.engine, "a")
    expected = {"a": rows_of(MOVIES), "b": rows_of(LATER)}
    assert expected["a"] != expected["b"]
    seen: list[str] = []
    mover = threading.Thread(target=lambda: [publish(world.engine, run) for run in "ba" * 15])
    mover.start()
    with world.engine.connect() as connection:
        while mover.is_alive():
            run, marked = look(connection)
            assert marked == [run.run_id]
            assert {name: len(rows(connection, name, run.seq)) for name in COLUMNS} == expected[run.run_id]
            connection.rollback()
            seen.append(run.run_id)
    mover.join()
    assert set(seen) == {"a", "b"}


def look(connection: Connection) -> tuple[runs.Run, list[str]]:
    """Return the run that the pointer names, and the runs whose status is published, at one moment."""
    newest = (
        select(publication_table.c.run).order_by(publication_table.c.seq.desc()).limit(1).scalar_subquery()
    )
    marked = run_table.c.status == "published"
    found = connection.execute(select(run_table).where((run_table.c.seq == newest) | marked)).all()
    [row] = found
    return runs.Run(**row._mapping), [row.run_id]


def rows_of(movies: Sequence[Movie]) -> dict[str, int]:
    return {name: len(stored(name, movies)) for name in COLUMNS}


@pytest.mark.parametrize("implementation", TAKE_TURNS)
def test_two_that_move_the_pointer_take_turns(world: World) -> None:
    """Were both to see the same pointer, one move would be lost, or go back to where it never was."""
    publish(world.engine, "a")
    movers = [
        threading.Thread(target=lambda names=names: [publish(world.engine, run) for run in names])
        for names in ("bc" * 10, "cd" * 10)
    ]
    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join()
    with world.engine.connect() as connection:
        moved = connection.execute(select(publication_table).order_by(publication_table.c.seq)).all()
    assert len(moved) > 20
    assert [row.parent for row in moved] == [None, *(row.seq for row in moved[:-1])]
    assert list(statuses(world.engine).values()).count("published") == 1
