"""List cells: ``[{'id': 16, 'name': 'Animation'}]`` as strict JSON or as a Python literal, never evaluated.

Cells are parsed once per distinct text. The two forms that nearly every cell has are taken apart by regular
expressions; whatever they do not match whole goes to ``parse_members``, which is the rule.
"""

import ast
import warnings
from dataclasses import dataclass

import polars as pl

from app.etl import strict_json
from app.marts.names import WHITESPACE

MAX_MEMBER_ID = 10**18 - 1

_ID = r"(?:0|[1-9][0-9]{0,17})"
_PYTHON_NAME = r"(?:'[^'\\\x00-\x1f]+'|\"[^\"\\\x00-\x1f]+\")"
_JSON_NAME = r"\"[^\"\\\x00-\x1f]+\""


def _object(quote: str, name: str) -> str:
    key_id, key_name = f"{quote}id{quote}: ?", f"{quote}name{quote}: ?"
    return rf"\{{(?:{key_id}{_ID}, ?{key_name}{name}|{key_name}{name}, ?{key_id}{_ID})\}}"


_OBJECT = f"(?:{_object(chr(39), _PYTHON_NAME)}|{_object(chr(34), _JSON_NAME)})"
#: A cell takes one of the forms throughout: mixed quotes are left to ``parse_members``.
_PLAIN_CELL = "|".join(
    rf"^\[(?:{item}(?:, ?{item})*)?\]$" for item in (_object("'", _PYTHON_NAME), _object('"', _JSON_NAME))
)
_LEADING_ID = rf"^\{{.id.: ?({_ID}),"
_TRAILING_ID = rf", ?.id.: ?({_ID})\}}$"
_LEADING_NAME = r"^\{.name.: ?.(.+)., ?.id.: ?[0-9]+\}$"
_TRAILING_NAME = r"^\{.id.: ?[0-9]+, ?.name.: ?.(.+).\}$"

MEMBERS_SCHEMA: dict[str, type[pl.DataType]] = {
    "cell": pl.UInt32,
    "id": pl.Int64,
    "name": pl.String,
}


@dataclass(frozen=True)
class ListCells:
    """One list column, parsed.

    ``cell`` numbers the distinct cells row by row (null where the cell is empty or invalid), ``invalid`` says
    which rows are no such list, ``members`` has a row ``cell, id, name`` per member, ids distinct in a cell.
    """

    cell: pl.Series
    invalid: pl.Series
    members: pl.DataFrame


def parse_lists(cells: pl.Series) -> ListCells:
    """Parse a column of trimmed cells; an empty cell is null."""
    distinct = cells.drop_nulls().unique().to_frame("text").with_row_index("cell")
    plain = distinct.filter(pl.col("text").str.contains(_PLAIN_CELL))
    members, repeated = _plain_members(plain)
    unusual = pl.concat([distinct.join(plain, on="cell", how="anti"), distinct.join(repeated, on="cell")])
    parsed, invalid = _parse_each(unusual)
    members = pl.concat([members.join(repeated, on="cell", how="anti"), parsed])
    numbered = cells.to_frame("text").join(distinct, on="text", how="left", maintain_order="left")["cell"]
    is_invalid = numbered.is_in(invalid).fill_null(value=False)
    return ListCells(numbered.set(is_invalid, None), is_invalid, members)


def _plain_members(plain: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the members of plain cells, and the cells with a repeated id or a blank name."""
    objects = plain.select("cell", pl.col("text").str.extract_all(_OBJECT).alias("object"))
    objects = objects.explode("object").drop_nulls()
    members = objects.join(_members(objects["object"].unique()), on="object").select(list(MEMBERS_SCHEMA))
    odd = members.filter(pl.struct("cell", "id").is_duplicated() | (pl.col("name") == ""))
    return members, odd.select("cell").unique()


def _members(objects: pl.Series) -> pl.DataFrame:
    """Take distinct plain objects apart: ``object, id, name``, the name trimmed."""
    item = pl.col("object")
    key = pl.coalesce(item.str.extract(_LEADING_ID), item.str.extract(_TRAILING_ID))
    name = pl.coalesce(item.str.extract(_TRAILING_NAME), item.str.extract(_LEADING_NAME))
    return objects.to_frame("object").with_columns(
        key.cast(pl.Int64).alias("id"), name.str.strip_chars(WHITESPACE).alias("name")
    )


def _parse_each(distinct: pl.DataFrame) -> tuple[pl.DataFrame, list[int]]:
    cells: list[int] = []
    members: list[tuple[int, str]] = []
    invalid: list[int] = []
    for cell, text in distinct.select("cell", "text").iter_rows():
        found = parse_members(text)
        if found is None:
            invalid.append(cell)
            continue
        cells.extend([cell] * len(found))
        members.extend(found.items())
    columns = {"cell": cells, "id": [key for key, _ in members], "name": [name for _, name in members]}
    return pl.DataFrame(columns, schema=MEMBERS_SCHEMA), invalid


def parse_members(text: str) -> dict[int, str] | None:
    """Return ``{id: name}`` of a trimmed, non-empty list cell, or None where it is no list of such objects.

    A repeated id counts once, under the smallest name by code point; names are trimmed.
    """
    items = _literal(text)
    if not isinstance(items, list):
        return None
    members: dict[int, str] = {}
    for item in items:
        member = _member(item)
        if member is None:
            return None
        key, name = member
        members[key] = min(name, members.get(key, name))
    return members


def _member(item: object) -> tuple[int, str] | None:
    if not isinstance(item, dict):
        return None
    key, name = item.get("id"), item.get("name")
    if not isinstance(key, int) or isinstance(key, bool) or not 0 <= key <= MAX_MEMBER_ID:
        return None
    if not isinstance(name, str) or "\0" in name or not _is_utf8(name):
        return None
    trimmed = name.strip(WHITESPACE)
    return (key, trimmed) if trimmed else None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


def _literal(text: str) -> object:
    """Return the value of strict JSON, else of a Python literal; None where it is neither."""
    try:
        return strict_json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an unknown escape such as '\d' is still what Python reads
            return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
