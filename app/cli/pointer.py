"""Moving the published pointer: ``publish``, ``rollback``, ``prune``. Registered by ``app.cli.etl``."""

from typing import Annotated

import typer

from app.cli.audit import open_audit
from app.cli.output import Json, emit
from app.cli.stores import warehouse
from app.database import sole_writer
from app.marts.catalog import publication_table
from app.settings import load_settings
from app.warehouse import publish as pointer
from app.warehouse.runs import Run


def publish(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run to publish.")], as_json: Json = False
) -> None:
    """Publish a kept run; readers see it at once."""
    audit = open_audit()
    with sole_writer(warehouse().engine, publication_table) as connection:
        published = pointer.publish(connection, run)
    audit.write("run.published", run_id=published.run_id)
    _show(published, as_json)


def rollback(
    to: Annotated[str | None, typer.Option("--to", metavar="RUN", help="Run to go back to.")] = None,
    as_json: Json = False,
) -> None:
    """Publish what was published before."""
    audit = open_audit()
    with sole_writer(warehouse().engine, publication_table) as connection:
        published = pointer.rollback(connection, to)
    audit.write("run.rolled_back", run_id=published.run_id)
    _show(published, as_json)


def _show(run: Run, as_json: bool) -> None:
    emit(run.document(), as_json, lambda console: console.print(f"run {run.run_id} is published"))


def prune(
    keep: Annotated[
        int | None, typer.Option(min=1, help="Runs to keep, the newest; the current one stays anyway.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Delete old runs from the warehouse and the lake."""
    from app.etl.retention import keep_newest  # late: polars

    wanted = keep or load_settings().keep_runs
    if wanted is None:
        raise typer.BadParameter("give --keep N, or set APP_KEEP_RUNS")
    audit = open_audit()
    deleted = [run.run_id for run in keep_newest(warehouse(), wanted)]
    for run_id in deleted:
        audit.write("run.pruned", run_id=run_id)
    emit({"pruned": deleted}, as_json, lambda console: console.print(f"{len(deleted)} runs deleted"))
