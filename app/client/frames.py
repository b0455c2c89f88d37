"""Rows as data frames. Neither Polars nor pandas is loaded before a frame is asked for."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    import polars

#: Of a decimal: whole sums of millionths (2^63 - 1 at most), shown as points.
DIGITS, SCALE = 19, 6


def from_arrow(stream: bytes) -> "polars.DataFrame":
    """Return the frame that an Arrow IPC stream holds."""
    import polars

    return polars.read_ipc_stream(stream)


def from_rows(rows: Iterable[Mapping[str, Any]], row_type: type, fields: Sequence[str]) -> "polars.DataFrame":
    """Return the same frame made of JSON rows of a type, or of some of its fields in another order."""
    import polars

    types = {int: polars.Int64, str: polars.String}
    hints = get_type_hints(row_type)
    exact = polars.Decimal(DIGITS, SCALE)
    schema = {name: types.get(hints[name], exact) for name in fields or hints}
    decimals = {name for name, kind in schema.items() if kind == exact}
    found = [{name: _exact(row[name]) if name in decimals else row[name] for name in schema} for row in rows]
    return polars.DataFrame(found, schema=schema)


def _exact(value: float | None) -> Decimal | None:
    # The shortest decimal that reads as this float is the one that the server wrote.
    return None if value is None else Decimal(repr(value))


def to_pandas(frame: "polars.DataFrame") -> Any:
    """Return a pandas frame, column by column; decimals become floats, which have 15 digits."""
    import pandas
    import polars

    plain = frame.with_columns(polars.selectors.decimal().cast(polars.Float64))
    numeric = {name for name, kind in plain.schema.items() if kind.is_numeric()}
    return pandas.DataFrame(
        {item.name: item.to_numpy() if item.name in numeric else item.to_list() for item in plain}
    )
