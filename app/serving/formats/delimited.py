"""CSV, RFC 4180: a header row, CRLF, text in quotes; cells that a spreadsheet would run are neutralised."""

from collections.abc import Callable, Sequence

from app.marts.spreadsheet import neutralised_sql
from app.serving.fields import Field
from app.serving.formats.base import AsItIs, Lines, Streamed, Writer, decimal_text, literal

CRLF = b"\r\n"


def quoted_row(fields: Sequence[Field], null: str, shown: Callable[[str], str] = str) -> str:
    """Return the SQL of a row: numbers bare, text in quotes that are doubled within (``%w``).

    ``null`` is what stands for null, ``shown`` makes the SQL of a text of that of a column.
    """
    cells = [_cell(field, null, shown) for field in fields]
    form = ",".join('"%w"' if field.kind == "text" else "%s" for field in fields)
    return f"printf({literal(form)}, {', '.join(cells)})"


def _cell(field: Field, null: str, shown: Callable[[str], str]) -> str:
    if field.kind == "text":
        return shown(field.name)
    number = decimal_text(field.name, field.scale) if field.scale else field.name
    return f"coalesce({number}, {literal(null)})" if field.nullable else number


def _row(fields: Sequence[Field]) -> str:
    # An empty line is no row: what is alone in a line and empty is in quotes.
    return quoted_row(fields, '""' if len(fields) == 1 else "", neutralised_sql)


class Csv(Streamed):
    """Comma-separated values; a null is an empty cell."""

    name = "csv"
    media_type = "text/csv; charset=utf-8"
    lines = Lines(_row, CRLF, CRLF)

    def writer(self, fields: Sequence[Field]) -> Writer:
        """Begin with the header row."""
        return AsItIs(",".join(field.name for field in fields).encode() + CRLF)
