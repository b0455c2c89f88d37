"""Looking at runs: ``runs``, ``show``, ``rejects``, ``diff``, ``report``. Registered by ``app.cli.etl``."""

import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from app.cli.output import Json, emit, table
from app.cli.stores import catalogue, landed_report, landed_table
from app.warehouse import runs as run_catalogue

#: Changes printed for people; a machine gets all.
_CHANGES_SHOWN = 50

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Run id, as 'app etl runs' lists it.")]


def runs(as_json: Json = False) -> None:
    """List runs, the newest first."""
    with catalogue() as connection:
        found = run_catalogue.newest_first(connection)
    columns = ("run_id", "status", "as_of", "published_at", "rows", "accepted", "reason")
    documents = [run.document() for run in found]
    lines = [[document[column] for column in columns] for document in documents]
    emit(documents, as_json, lambda console: console.print(table(columns, lines)))


def show(run: RunId, as_json: Json = False) -> None:
    """Show one run."""
    with catalogue() as connection:
        document = run_catalogue.find(connection, run).document()
    emit(document, as_json, lambda console: console.print(table(("", ""), _flat(document))))


def _flat(document: dict[str, Any]) -> list[tuple[str, Any]]:
    lines: list[tuple[str, Any]] = []
    for name, value in document.items():
        if isinstance(value, dict):
            lines += [(f"{name}.{key}", item) for key, item in value.items()]
        elif isinstance(value, list):
            lines += [(name, f"{item['path']} {item['size']} bytes {item['sha256'][:12]}") for item in value]
        else:
            lines.append((name, value))
    return lines


def rejects(run: RunId, as_json: Json = False) -> None:
    """Print a run's rejects as CSV: file,row,id,reason,value,record."""
    from app.etl.engines.base import REJECTS  # late: polars
    from app.etl.rejects import write_csv, write_json

    with catalogue() as connection:
        found = run_catalogue.find(connection, run)
    with landed_table(found, REJECTS) as path:
        write = write_json if as_json else write_csv
        write(path, sys.stdout.buffer)
    sys.stdout.buffer.flush()


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Run to compare with.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Run that came after.")],
    as_json: Json = False,
) -> None:
    """Print what changed in the marts between two runs."""
    from app.warehouse.changes import changes

    with catalogue() as connection:
        before, after = run_catalogue.find(connection, old), run_catalogue.find(connection, new)
        found = changes(connection, since=before, run=after)
    emit(found, as_json, lambda console: _print_changes(console, found))


def _print_changes(console: Console, found: list[dict[str, Any]]) -> None:
    counts = Counter((change["mart"], _kind(change)) for change in found)
    console.print(table(("mart", "change", "rows"), [(*what, count) for what, count in counts.items()]))
    lines = []
    for change in found[:_CHANGES_SHOWN]:
        key = ", ".join(f"{name} {value}" for name, value in change["key"].items())
        lines.append((change["mart"], key, _kind(change), _measures(change)))
    console.print(table(("mart", "key", "change", "measures"), lines))
    if len(found) > len(lines):
        console.print(f"and {len(found) - len(lines):,} more rows; --json prints all")


def _kind(change: dict[str, Any]) -> str:
    if change["before"] is None:
        return "added"
    return "removed" if change["after"] is None else "changed"


def _measures(change: dict[str, Any]) -> str:
    before, after = change["before"] or {}, change["after"] or {}
    names = dict.fromkeys([*before, *after])
    moved = [
        (name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    ]
    return ", ".join(f"{name} {old} -> {new}" for name, old, new in moved)


def report(
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Run; the published one by default.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("report"),
    as_json: Json = False,
) -> None:
    """Write genre_data.csv and production_data.csv of a run."""
    from app.etl.reports import REPORTS  # late: polars

    with catalogue() as connection:
        found = run_catalogue.find(connection, run) if run else run_catalogue.published(connection)
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name in REPORTS:
        with landed_report(found, name) as path:
            shutil.copyfile(path, out / name)
        written.append(str(out / name))
    document = {"run_id": found.run_id, "files": written}
    emit(document, as_json, lambda console: console.print("\n".join(written)))
