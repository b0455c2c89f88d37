"""Write the reference pages from the program itself: ``make docs``. A test fails where a page is out of date.

What stands above the marker of a page is written by hand and stays.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import typer

from app.cli.main import build
from app.main import close, create_app
from app.marts.definitions import DIMENSIONS, MARTS, MEASURES
from app.ops.audit_events import EVENTS
from app.ops.metrics import Metrics
from app.settings import Settings
from app.storage import LocalStore
from app.storage.s3 import S3Store
from app.warehouse.base import Capabilities
from app.warehouse.opening import WAREHOUSES

FOLDER = Path(__file__).parent
MARKER = "<!-- From here on written by `make docs`. -->\n"
Lines = Iterator[str]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Lines:
    if rows:
        yield f"| {' | '.join(columns)} |"
        yield "|" + "---|" * len(columns)
        yield from (f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
        yield ""


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def settings() -> Lines:
    """Every setting, in the order of the program."""
    rows = [
        (
            f"`APP_{name.upper()}`",
            "" if field.default is None else f"`{field.default}`",
            str(field.description),
        )
        for name, field in Settings.model_fields.items()
    ]
    yield from _table(("Name", "Default", "Meaning"), rows)


def commands() -> Lines:
    """Every command, with its arguments and options."""
    yield from _command("app", typer.main.get_command(build()))


def _command(path: str, command: Any) -> Lines:
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from _command(f"{path} {name}", inner)
        return
    arguments = [item for item in command.params if item.param_type_name == "argument"]
    usage = " ".join([path, *(_usage(item) for item in arguments)])
    yield from (f"## `{usage}`", "", command.help, "")
    options = [(f"`{', '.join(item.opts)}`", _default(item), item.help or "") for item in command.params]
    yield from _table(("Argument or option", "Default", "Meaning"), options)


def _usage(argument: Any) -> str:
    name = (argument.metavar or argument.name).upper()
    return name if argument.required else f"[{name}]"


def _default(item: Any) -> str:
    if item.required:
        return "required"
    return "" if item.default is None or item.default is False else f"`{item.default}`"


def routes() -> Lines:
    """Every route of the OpenAPI document, with its parameters."""
    with tempfile.TemporaryDirectory() as home:
        application = create_app(Settings(home=Path(home)))
        document = application.openapi()
        close(application)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield from _operation(f"{method.upper()} {path}", operation)


def _operation(name: str, operation: dict[str, Any]) -> Lines:
    scopes = [scope for way in operation.get("security", ()) for granted in way.values() for scope in granted]
    needed = f" Scope `{scopes[0]}`." if scopes else ""
    yield from (f"## `{name}`", "", operation.get("description", operation["summary"]) + needed, "")
    rows = [
        (f"`{item['name']}`", _values(item["schema"]), item.get("description", ""))
        for item in operation.get("parameters", ())
    ]
    yield from _table(("Parameter", "Values", "Meaning"), rows)


def _values(schema: dict[str, Any]) -> str:
    schema = schema.get("items", schema)
    if "anyOf" in schema:
        return " or ".join(_values(item) for item in schema["anyOf"])
    if "enum" in schema:
        plain = [str(value) for value in schema["enum"] if not str(value).startswith("-")]
        return _codes(plain)
    bounds = [str(schema[bound]) for bound in ("minimum", "maximum") if bound in schema]
    return f"{schema.get('type', 'text')} {' to '.join(bounds)}".strip()


def metrics() -> Lines:
    """Every metric of ``/metrics``."""
    heads = [line.split(" ", 3)[2:] for line in Metrics().exposition({}).splitlines() if "# HELP" in line]
    yield from _table(("Metric", "Meaning"), [(f"`{name}`", meaning) for name, meaning in heads])


def marts() -> Lines:
    """Marts, dimensions and measures as declared."""
    yield from ("## Marts", "")
    rows = [(f"`{mart.name}`", _codes(mart.key), mart.description) for mart in MARTS]
    yield from _table(("Mart", "Key", "Meaning"), rows)
    yield from ("## Dimensions", "")
    dimensions = [
        (f"`{item.name}`", f"`{item.source}`", _codes(item.row_fields), _sums(item.additive))
        for item in DIMENSIONS
    ]
    yield from _table(("Dimension", "From the column", "Fields of a row", "May be summed over"), dimensions)
    yield from ("## Measures", "")
    yield from _table(
        ("Measure", "Unit", "Meaning"), [(f"`{item.name}`", item.unit, item.description) for item in MEASURES]
    )


def _sums(additive: bool) -> str:
    return "yes" if additive else "no: a movie counts once per member"


def audit() -> Lines:
    """Every event of the audit log, with its fields."""
    for name, event in EVENTS.items():
        yield from (f"## `{name}`", "", event.meaning, "", f"Fields: {_codes(event.fields)}.", "")


def stores() -> Lines:
    """What each object store can do."""
    rows = [
        (able.name, able.url, "yes" if able.remote else "no", "in parts" if able.multipart else "at once")
        for able in (LocalStore.capabilities, S3Store.capabilities)
    ]
    yield from _table(("Store", "URL", "Seen from other machines", "Large files"), rows)


def warehouses() -> Lines:
    """What each warehouse can do, as its capabilities say."""
    known: list[Capabilities] = [resolve_name(place).capabilities for place in WAREHOUSES.values()]
    name, *others = fields(Capabilities)
    rows = [
        [str(item.metadata["meaning"]), *(_said(getattr(each, item.name)) for each in known)]
        for item in others
    ]
    yield from _table(("", *(str(getattr(each, name.name)) for each in known)), rows)


def _said(value: bool | str | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value or "-"


PAGES: dict[str, Callable[[], Lines]] = {
    "settings.md": settings,
    "cli.md": commands,
    "api.md": routes,
    "metrics.md": metrics,
    "marts.md": marts,
    "audit.md": audit,
    "storage.md": stores,
    "warehouses.md": warehouses,
}


def written(page: str) -> str:
    """Return what a page must be: its head by hand, then the generated part."""
    head, _, _ = (FOLDER / page).read_text(encoding="utf-8").partition(MARKER)
    return f"{head}{MARKER}\n" + "\n".join(PAGES[page]()).rstrip() + "\n"


def main() -> None:
    """Write every page."""
    for page in PAGES:
        (FOLDER / page).write_text(written(page), encoding="utf-8")


if __name__ == "__main__":
    main()
