"""``app config``: the settings in force."""

import typer

from app.cli.output import Json, emit, table
from app.settings import describe, load_settings

commands = typer.Typer(no_args_is_help=True, help="Look at the settings.")


@commands.callback()
def group() -> None:
    """Keep ``show`` a command of its own, though it is the only one."""


@commands.command()
def show(as_json: Json = False) -> None:
    """Show every setting, its value and where it came from; secrets are masked."""
    rows = describe(load_settings())
    columns = ("name", "value", "source", "description")
    lines = [[row[column] for column in columns] for row in rows]
    emit(rows, as_json, lambda console: console.print(table(columns, lines)))
