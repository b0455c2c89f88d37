"""``app config``: the settings in force."""

import os
import re

import typer
from dotenv import dotenv_values
from sqlalchemy.engine import make_url

from app.cli.output import Json, emit, table
from app.settings import ENV_FILE, PREFIX, Settings, load_settings

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


def _masked(url: str) -> str:
    """Return a SQLAlchemy URL without its password, and without what drivers take as one in the query."""
    parsed = make_url(url)
    secret = {name: "***" for name in parsed.query if re.search("pass|pwd|secret|token|key", name.lower())}
    masked = parsed.update_query_dict(secret).render_as_string(hide_password=True)
    return masked.replace("%2A%2A%2A", "***")


def describe(settings: Settings) -> list[dict[str, str | None]]:
    """Return every setting as ``{name, value, source, description}``, secrets masked."""
    in_file = {key.upper() for key, value in dotenv_values(ENV_FILE).items() if value}
    in_environment = {key.upper() for key, value in os.environ.items() if value}
    effective = {
        "warehouse_url": settings.warehouse_given,
        "database_url": settings.database,
        "destination": settings.lake,
        "audit_log": settings.audit_file or "off",
    }
    rows: list[dict[str, str | None]] = []
    for field, info in Settings.model_fields.items():
        name = PREFIX + field.upper()
        value = effective.get(field, getattr(settings, field))
        if field in {"warehouse_url", "database_url"}:
            value = _masked(str(value))
        source = "environment" if name in in_environment else ENV_FILE if name in in_file else "default"
        shown = None if value is None else str(value)
        rows.append({"name": name, "value": shown, "source": source, "description": info.description})
    return rows
