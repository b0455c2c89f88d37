"""Landed runs: ``load`` them, ``verify`` them. Registered by ``app.cli.etl``."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console

from app.cli.audit import open_audit
from app.cli.history import RunId
from app.cli.output import Json, emit, table
from app.cli.stores import replica
from app.errors import DamagedRun
from app.settings import load_settings

if TYPE_CHECKING:
    from app.etl.compare import Comparison, Difference
    from app.etl.reloading import Loaded, LoadedAll
    from app.ops.audit import Audit

_MEND = "restore the landed file, or load what has landed into an empty warehouse: 'app etl load --all'"


def load(
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="Run that has landed.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Load every landed run that the warehouse never had.")
    ] = False,
    destination: Annotated[
        str | None, typer.Option(help="Where it has landed, if not where the catalogue or the settings say.")
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish it too, with --all the newest; not what an audit held.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Load a landed run into the warehouse; with --all, rebuild a warehouse from what has landed."""
    from app.etl.reloading import load_all, load_landed  # late: polars

    if (run is None) != every:
        raise typer.BadParameter("give a RUN, or --all")
    audit = open_audit()

    def settled(loaded: "Loaded") -> None:
        _record(audit, loaded)

    if run is None:
        _show_all(load_all(load_settings(), destination, publish, settled), as_json)
    else:
        _show(load_landed(load_settings(), run, destination, publish, settled), as_json)


def _record(audit: "Audit", loaded: "Loaded") -> None:
    if loaded.new:
        audit.write("run.loaded", run_id=loaded.run.run_id, location=loaded.run.location)
    if loaded.published:
        audit.write("run.published", run_id=loaded.run.run_id)


def _show(loaded: "Loaded", as_json: bool) -> None:
    document = {**loaded.run.document(), "no_op": loaded.no_op}
    emit(document, as_json, lambda console: _print(console, loaded))
    if loaded.held is not None:
        raise loaded.held


def _print(console: Console, loaded: "Loaded") -> None:
    run = loaded.run
    state = f"{run.status} ({run.reason})" if run.reason else run.status
    console.print(
        f"nothing to do: run {run.run_id} is loaded, and {state}"
        if loaded.no_op
        else f"run {run.run_id}: {state}"
    )


def _show_all(result: "LoadedAll", as_json: bool) -> None:
    emit(_document(result), as_json, lambda console: _print_all(console, result))
    if result.damaged:
        run_id, error = next(iter(result.damaged.items()))
        raise DamagedRun(f"damaged runs: {len(result.damaged)}, the first is {run_id}", str(error))


def _document(result: "LoadedAll") -> dict[str, Any]:
    return {
        "loaded": [run.document() for run in result.loaded],
        "damaged": [{"run_id": run_id, "problem": error.message} for run_id, error in result.damaged.items()],
        "published": result.published.run_id if result.published else None,
    }


def _print_all(console: Console, result: "LoadedAll") -> None:
    for run in result.loaded:
        console.print(f"run {run.run_id} is loaded")
    for run_id, error in result.damaged.items():
        console.print(f"run {run_id} is not: {error.message}")
    if not result.loaded and not result.damaged:
        console.print("nothing to do: the warehouse has, or had, every run that has landed")
    if result.published:
        console.print(f"run {result.published.run_id} is published")


def verify(run: RunId, as_json: Json = False) -> None:
    """Compare a run's landed files with its manifest, and warehouse and replica with the landed files."""
    from app.etl.verify import verify as compare  # late: polars

    compared = compare(load_settings(), run, replica())
    differences = sum(item.differences for item in compared)
    document = {"run_id": run, "equal": not differences, "compared": [asdict(item) for item in compared]}
    emit(document, as_json, lambda console: _print_compared(console, compared))
    if differences:
        raise DamagedRun(f"run {run} is not what has landed: {differences} differences", _MEND)


def _print_compared(console: Console, compared: "Sequence[Comparison]") -> None:
    columns = ("where", "what", "rows", "differences", "")
    lines = [[item.where, item.what, item.rows, item.differences, item.note or ""] for item in compared]
    console.print(table(columns, lines))
    for item in compared:
        for difference in item.first:
            console.print(f"{item.where} {item.what}: {_sentence(difference)}")
        if item.differences > len(item.first):
            console.print(f"{item.where} {item.what}: and {item.differences - len(item.first):,} more")


def _sentence(difference: "Difference") -> str:
    key = ", ".join(f"{name} {value}" for name, value in difference.key.items())
    what = " ".join(filter(None, (key, difference.column)))
    expected, found = (_text(value) for value in (difference.expected, difference.found))
    return f"{what}: " * bool(what) + f"{found}, expected {expected}"


def _text(value: Any) -> str:
    return "none" if value is None else orjson.dumps(value).decode()
