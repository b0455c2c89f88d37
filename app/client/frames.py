"""Rows as data frames. Neither Polars nor pandas is loaded before a frame is asked for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    import polars


def from_arrow(stream: bytes) -> "polars.DataFrame":
    """Return the frame that an Arrow IPC stream holds."""
    import polars

    return polars.read_ipc_stream(stream)


def from_rows(rows: Iterable[Mapping[str, Any]], row_type: type, fields: Sequence[str]) -> "polars.DataFrame":
    """Return the same frame made of JSON rows of a type, or of some of its fields in another order."""
    import polars

    types = {int: polars.Int64, str: polars.String}
    hints = get_type_hints(row_type)
    schema = {name: types.get(hints[name], polars.Float64) for name in fields or hints}
    return polars.DataFrame(list(rows), schema=schema)


def to_pandas(frame: "polars.DataFrame") -> Any:
    """Return a pandas frame, column by column: pyarrow is not needed for it."""
    import pandas

    numeric = {name for name, kind in frame.schema.items() if kind.is_numeric()}
    return pandas.DataFrame(
        {item.name: item.to_numpy() if item.name in numeric else item.to_list() for item in frame}
    )
