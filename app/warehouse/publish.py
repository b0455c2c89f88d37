"""Moving the published pointer, and deleting runs that nobody keeps. Each is one transaction.

Who moves the pointer or deletes a run is the ``sole_writer`` of the table of publications meanwhile.
"""

from datetime import UTC, datetime

from sqlalchemy import Connection, Row, insert, select, update

from app.database import sole_writer, transaction
from app.errors import UnknownRun
from app.marts.catalog import publication_table as publication
from app.marts.catalog import run_table
from app.warehouse.base import Warehouse
from app.warehouse.runs import Run, current, current_publication, find, newest_first, next_number

NOTHING_BEFORE = "nothing was published before the present run"


def publish(connection: Connection, run_id: str) -> Run:
    """Point at a loaded run; publishing the current run changes nothing.

    Raises:
        UnknownRun: no such run, or it failed and has no marts.
        PrunedRun: its marts were deleted.
    """
    run = find(connection, run_id)
    if run.status == "failed":
        raise UnknownRun(f"run {run_id} failed and has no marts", "publish another: 'app etl runs'")
    pointer = current_publication(connection)
    if pointer is None or pointer.run != run.seq:
        _move(connection, run, pointer.seq if pointer else None, "publish")
    return find(connection, run_id)


def rollback(connection: Connection, to: str | None = None) -> Run:
    """Point at what was published before, or at the last publication of ``to``; what came since is forgotten.

    A run ``to`` that was never published before the present one is published as by ``publish``.

    Raises:
        UnknownRun: nothing kept was published before, or there is no run ``to``.
    """
    target = find(connection, to).seq if to else None
    present = current_publication(connection)
    before = _before(connection, present)
    while before is not None and not _suits(connection, before, present, target):
        before = _before(connection, before)
    if before is None and to:
        return publish(connection, to)
    if before is None:
        raise UnknownRun(NOTHING_BEFORE, "see 'app etl runs'; 'app etl publish RUN' publishes any kept run")
    run_id = connection.execute(select(run_table.c.run_id).where(run_table.c.seq == before.run)).scalar_one()
    _move(connection, find(connection, run_id), before.parent, "rollback")
    return find(connection, run_id)


def _before(connection: Connection, pointer: Row[tuple[int, ...]] | None) -> Row[tuple[int, ...]] | None:
    if pointer is None or pointer.parent is None:
        return None
    return connection.execute(select(publication).where(publication.c.seq == pointer.parent)).one_or_none()


def _suits(
    connection: Connection,
    before: Row[tuple[int, ...]],
    present: Row[tuple[int, ...]] | None,
    target: int | None,
) -> bool:
    if target is not None:
        return bool(before.run == target)
    kept = select(run_table.c.seq).where(run_table.c.seq == before.run, run_table.c.pruned_at.is_(None))
    return (present is None or before.run != present.run) and connection.execute(kept).first() is not None


def _move(connection: Connection, run: Run, parent: int | None, action: str) -> None:
    now = datetime.now(UTC)
    was = current(connection)
    if was is not None:
        connection.execute(update(run_table).where(run_table.c.seq == was.seq).values(status="superseded"))
    move = {"run": run.seq, "parent": parent, "action": action, "at": now}
    connection.execute(insert(publication).values(seq=next_number(connection, publication.c.seq), **move))
    connection.execute(
        update(run_table)
        .where(run_table.c.seq == run.seq)
        .values(status="published", reason=None, published_at=run.published_at or now)
    )


def prunable(connection: Connection, keep: int) -> list[Run]:
    """Return the runs that are neither among the ``keep`` newest nor current."""
    published = current(connection)
    return [run for run in newest_first(connection)[keep:] if published is None or run.seq != published.seq]


def prune(warehouse: Warehouse, run: Run) -> bool:
    """Delete a run's rows; what is left of it is its name, so that a reader is told that it was pruned.

    Returns:
        False where the run was published meanwhile, and so stays.
    """
    with sole_writer(warehouse.engine, publication) as connection:
        published = current(connection)
        if published is not None and published.seq == run.seq:
            return False
        warehouse.delete(connection, run.seq)
        connection.execute(
            update(run_table).where(run_table.c.seq == run.seq).values(pruned_at=datetime.now(UTC))
        )
    return True


def pruned_locations(connection: Connection) -> list[tuple[str, str]]:
    """Return ``(run_id, location)`` of pruned runs whose landed files are still to be deleted."""
    left = select(run_table.c.run_id, run_table.c.location).where(
        run_table.c.pruned_at.is_not(None), run_table.c.location.is_not(None)
    )
    return [(row.run_id, row.location) for row in connection.execute(left)]


def forget_location(warehouse: Warehouse, run_id: str) -> None:
    """Note that a pruned run's landed files are gone; one that was loaded again meanwhile has others."""
    pruned = update(run_table).where(run_table.c.run_id == run_id, run_table.c.pruned_at.is_not(None))
    with transaction(warehouse.engine) as connection:
        connection.execute(pruned.values(location=None))
