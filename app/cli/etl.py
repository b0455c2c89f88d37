"""``app etl``: run a delivery, look at runs, move the published pointer."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from app.cli import history, landed, pointer
from app.cli.audit import open_audit
from app.cli.output import Json, emit, table
from app.cli.sample import sample
from app.etl.progress import unwatched
from app.settings import load_settings

if TYPE_CHECKING:
    from app.etl.pipeline import Outcome
    from app.ops.audit import Audit

commands = typer.Typer(
    no_args_is_help=True, help="Turn deliveries into marts; look at runs and publish them."
)
commands.command("sample")(sample)
commands.command("runs")(history.runs)
commands.command("show")(history.show)
commands.command("rejects")(history.rejects)
commands.command("diff")(history.diff)
commands.command("report")(history.report)
commands.command("publish")(pointer.publish)
commands.command("rollback")(pointer.rollback)
commands.command("prune")(pointer.prune)
commands.command("load")(landed.load)
commands.command("verify")(landed.verify)


@commands.command()
def run(
    source: Annotated[
        str, typer.Argument(help="A data file, a folder of them or an s3:// URL; {as_of} is filled in.")
    ],
    destination: Annotated[
        str | None, typer.Option(help="Land under this instead of APP_DESTINATION.")
    ] = None,
    engine: Annotated[str, typer.Option(help="Engine: polars.")] = "polars",
    require_financials: Annotated[
        bool, typer.Option("--require-financials", help="Reject movies of unknown budget or revenue.")
    ] = False,
    max_reject_ratio: Annotated[
        float, typer.Option(min=0, max=1, help="Hold a run back above this ratio of rejects.")
    ] = 0.05,
    allow_shrink: Annotated[
        bool, typer.Option("--allow-shrink", help="Accept releases below half of the published run's.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Run even if the content is already published.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Stop after the audit and write nothing.")
    ] = False,
    no_publish: Annotated[
        bool, typer.Option("--no-publish", help="Land and load, but do not publish.")
    ] = False,
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="Period the delivery stands for.")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Parse every row, also those that the last run knew.")
    ] = False,
    keep_missing: Annotated[
        bool, typer.Option("--keep-missing", help="Keep movies of the published run that it has no row of.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Turn a delivery into audited marts and publish them."""
    from app.etl.options import RunOptions  # late: polars
    from app.etl.pipeline import run_delivery

    settings = load_settings()
    options = RunOptions(
        engine=engine,
        require_financials=require_financials,
        max_reject_ratio=max_reject_ratio,
        allow_shrink=allow_shrink,
        force=force,
        dry_run=dry_run,
        publish=not no_publish,
        as_of=as_of,
        full=full,
        keep_missing=keep_missing,
    )
    audit = open_audit(writes=not dry_run)
    with _progress() as progress:
        outcome = run_delivery(
            settings, source, options, progress, lambda ended: _record(audit, ended), destination
        )
    for run_id in outcome.pruned:
        audit.write("run.pruned", run_id=run_id)
    document = {**outcome.run.document(), "no_op": outcome.no_op}
    emit(document, as_json, lambda console: _summary(console, outcome, dry_run))
    if outcome.held is not None:
        raise outcome.held


def _record(audit: "Audit", outcome: "Outcome") -> None:
    run = outcome.run
    if outcome.no_op:
        return
    if run.status == "published":
        audit.write("run.published", run_id=run.run_id)
    else:
        audit.write("run.held", run_id=run.run_id, reason=run.reason)


class _Rows(ProgressColumn):
    """Rows read so far, and how many a second since the start."""

    def render(self, task: Task) -> Text:
        """Return the text for a task; nothing before the first row."""
        rows, seconds = task.fields["rows"], task.elapsed
        return Text(f"{rows:,} rows, {rows / seconds:,.0f}/s" if rows and seconds else "")


class _Bar:
    """A progress bar that learns how much there is from the first call on."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("reading", total=None, rows=0)

    def __call__(self, done: int, total: int, rows: int = 0) -> None:
        self._bar.update(self._task, completed=done, total=total, rows=rows)


@contextmanager
def _progress() -> Iterator[Any]:
    """Show a progress bar where stderr is a terminal."""
    if not sys.stderr.isatty():
        yield unwatched
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        DownloadColumn(),
        TransferSpeedColumn(),
        _Rows(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Bar(bar)


def _summary(console: Console, outcome: "Outcome", dry_run: bool) -> None:
    run = outcome.run
    if outcome.no_op:
        console.print(f"nothing to do: this content is published as run {run.run_id} (--force runs it again)")
        return
    title = f"dry run of {run.run_id}" if dry_run else f"run {run.run_id}: {run.status}"
    console.print(title + (f" ({run.reason})" if run.reason else ""))
    counts: list[tuple[str, int]] = [("rows", run.rows), ("accepted", run.accepted)]
    counts += list(outcome.changes.document().items()) if outcome.changes else []
    counts += [(f"rejected: {reason}", count) for reason, count in run.rejects.items()]
    counts += [(f"without {name.replace('_', ' ')}", count) for name, count in run.without.items()]
    counts += [(f"table {name}", count) for name, count in run.tables.items() if name != "rejects"]
    console.print(table(("", "count"), counts))
