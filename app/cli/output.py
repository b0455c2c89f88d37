"""How commands print: for people by default, one JSON document with ``--json``; logs go to stderr."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

#: The option every command takes.
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

#: Width of what goes into a pipe or a file: nothing is folded there.
_UNFOLDED = 1000


class _Console(Console):
    """A console that leaves a closed pipe to the program, which ends without a word."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def emit(document: Any, as_json: bool, people: Callable[[Console], None]) -> None:
    """Print a command's result: the document as JSON, or what ``people`` prints."""
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
        sys.stdout.buffer.flush()
    else:
        width = None if sys.stdout.isatty() else _UNFOLDED
        people(_Console(width=width, soft_wrap=True, highlight=False, markup=False))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> Table:
    """Build a plain table; None shows as a dash, numbers have thousands separators, nothing is cut off."""
    result = Table(title=title, box=None, title_justify="left", pad_edge=False)
    for number, column in enumerate(columns):
        result.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        result.add_row(*(_cell(value) for value in row))
    return result


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
