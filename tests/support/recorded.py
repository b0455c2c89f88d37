"""The statements that an engine sends, to be compared whole with those that were reviewed."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

_ASKED_BY_DIALECTS = ("pg_catalog", "information_schema", "SHOW ", "DESC ")
GOLDEN = Path(__file__).parents[1] / "golden"


def record(engine: Engine, said: list[str]) -> None:
    """Append each statement, its values filled in, to a list; what a dialect asks by itself is left out.

    It has what was meant: a stand-in that translates statements listens after it.
    """

    @event.listens_for(engine, "before_cursor_execute")
    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if not any(word in statement for word in _ASKED_BY_DIALECTS):
            said.append(_filled_in(statement, parameters) + ";\n")


def _filled_in(statement: str, parameters: Any) -> str:
    text = "\n".join(line.rstrip() for line in statement.strip().expandtabs(4).splitlines())
    if not parameters or isinstance(parameters, list):
        return text
    return text % {name: _literal(value) for name, value in parameters.items()}


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def golden(name: str) -> str:
    """Return the statements that were reviewed: ``tests/golden/<name>.sql``."""
    return (GOLDEN / f"{name}.sql").read_text(encoding="utf-8")
