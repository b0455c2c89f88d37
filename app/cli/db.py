"""``app db``: migrations of both databases."""

from typing import Annotated

import typer
from sqlalchemy import Engine

from app.auth.store import private_engine
from app.cli.output import Json, emit, table
from app.database import HISTORIES, History, current, downgrade, head, upgrade
from app.errors import ConfigurationError, near_miss
from app.settings import Settings, load_settings
from app.warehouse.opening import open_warehouse

commands = typer.Typer(no_args_is_help=True, help="Migrate the warehouse and the accounts database.")


def _open(settings: Settings, history: History) -> Engine:
    return open_warehouse(settings.warehouse).engine if history == "warehouse" else private_engine(settings)


def _state(settings: Settings) -> list[dict[str, str | None]]:
    return [
        {
            "database": history,
            "revision": current(_open(settings, history), history),
            "head": head(history),
        }
        for history in HISTORIES
    ]


def _show(settings: Settings, as_json: bool) -> None:
    state = _state(settings)
    columns = ("database", "revision", "head")
    lines = [[row[column] for column in columns] for row in state]
    emit(state, as_json, lambda console: console.print(table(columns, lines)))


@commands.command("upgrade")
def upgrade_all(as_json: Json = False) -> None:
    """Bring both databases to the schema that this program needs."""
    settings = load_settings()
    for history in HISTORIES:
        upgrade(_open(settings, history), history)
    _show(settings, as_json)


@commands.command("downgrade")
def downgrade_one(
    database: Annotated[str, typer.Argument(help="warehouse or accounts.")],
    revision: Annotated[str, typer.Option(help="Revision to go back to: an id, -1 or base.")] = "-1",
    as_json: Json = False,
) -> None:
    """Undo migrations of one database. Tables that a revision added are dropped with their rows."""
    settings = load_settings()
    history = next((name for name in HISTORIES if name == database), None)
    if history is None:
        raise ConfigurationError(f"no database {database!r}", near_miss(database, HISTORIES))
    downgrade(_open(settings, history), history, revision)
    _show(settings, as_json)


@commands.command("current")
def show_current(as_json: Json = False) -> None:
    """Show the revision of each database, and the one that this program needs."""
    _show(load_settings(), as_json)
