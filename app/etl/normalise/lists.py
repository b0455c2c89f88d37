"""List cells: ``[{'id': 16, 'name': 'Animation'}]`` as strict JSON or as a Python literal, never evaluated.

Cells are parsed once per distinct text. The two forms that nearly every cell has are taken apart by regular
expressions; whatever they do not match whole goes to ``parse_members``, which is the rule.
"""

import ast
import threading
import warnings
from dataclasses import dataclass

import polars as pl

from app.etl import strict_json
from app.marts.names import WHITESPACE

MAX_MEMBER_ID = 10**18 - 1

#: What warnings are shown belongs to the whole process: one thread at a time may change it.
_WARNINGS = threading.Lock()

_ID = r"(?:0|[1-9][0-9]{0,17})"
#: Names without escapes, control characters or braces, so that braces are those of the objects.
_PYTHON_NAME = r"(?:'[^'\\{}\x00-\x1f]+'|\"[^\"\\{}\x00-\x1f]+\")"
_JSON_NAME = r"\"[^\"\\{}\x00-\x1f]+\""


def _plain_list(quote: str, name: str) -> str:
    key_id, key_name = f"{quote}id{quote}: {_ID}", f"{quote}name{quote}: {name}"
    item = rf"\{{(?:{key_id}, {key_name}|{key_name}, {key_id})\}}"
    return rf"^\[{item}(?:, {item})*\]$"


_PLAIN = f"{_plain_list(chr(39), _PYTHON_NAME)}|{_plain_list(chr(34), _JSON_NAME)}"
#: Characters around id and name of a plain object, whichever comes first.
_BEFORE_ID, _BEFORE_NAME, _BETWEEN = len("'id': "), len("'name': '"), len("', 'id': ")

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
    is_plain = distinct["text"].str.contains(_PLAIN)
    members = _plain_members(distinct.filter(is_plain))
    odd = members.filter(pl.struct("cell", "id").is_duplicated() | (pl.col("name") == ""))["cell"].unique()
    if len(odd):  # a repeated id or a blank name
        is_plain &= ~distinct["cell"].is_in(odd.implode())
        members = members.filter(~pl.col("cell").is_in(odd.implode()))
    parsed, invalid = _parse_each(distinct.filter(~is_plain))
    numbered = cells.to_frame("text").join(distinct, on="text", how="left", maintain_order="left")["cell"]
    is_invalid = numbered.is_in(invalid).fill_null(value=False)
    return ListCells(numbered.set(is_invalid, None), is_invalid, pl.concat([members, parsed]))


def _plain_members(plain: pl.DataFrame) -> pl.DataFrame:
    """Return the members of plain cells: cut at the braces, each distinct object read once."""
    inside = pl.col("text").str.slice(2, pl.col("text").str.len_chars() - 4)
    objects = inside.str.replace_all("}, {", "}", literal=True).str.split("}").alias("object")
    listed = plain.select("cell", objects).explode("object")
    return listed.join(_read_objects(listed["object"].unique()), on="object").select(list(MEMBERS_SCHEMA))


def _read_objects(objects: pl.Series) -> pl.DataFrame:
    """Read distinct plain objects: ``object, id, name``, the name trimmed."""
    frame = objects.to_frame("object")
    by_id = pl.col("object").str.starts_with("'id") | pl.col("object").str.starts_with('"id')
    return pl.concat([_read_id_first(frame.filter(by_id)), _read_name_first(frame.filter(~by_id))])


def _read_id_first(objects: pl.DataFrame) -> pl.DataFrame:
    """Read ``'id': 16, 'name': 'Animation'``."""
    digits = objects["object"].str.slice(_BEFORE_ID).str.extract(r"^([0-9]+)")
    start = digits.str.len_chars() + _BEFORE_ID + len(", ") + _BEFORE_NAME
    return _read(objects, digits, pl.col("object").str.slice(start).str.head(-1))


def _read_name_first(objects: pl.DataFrame) -> pl.DataFrame:
    """Read ``'name': 'Pixar', 'id': 3``."""
    digits = objects["object"].str.extract(r"([0-9]+)$")
    length = pl.col("object").str.len_chars() - (digits.str.len_chars() + _BEFORE_NAME + _BETWEEN)
    return _read(objects, digits, pl.col("object").str.slice(_BEFORE_NAME, length))


def _read(objects: pl.DataFrame, digits: pl.Series, name: pl.Expr) -> pl.DataFrame:
    trimmed = name.str.strip_chars(WHITESPACE).alias("name")
    return objects.select("object", digits.cast(pl.Int64).alias("id"), trimmed)


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
        with _WARNINGS, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an unknown escape such as '\d' is still what Python reads
            return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
