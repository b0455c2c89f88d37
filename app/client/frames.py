"""Arrow as data frames. Neither Polars nor pandas is loaded before a frame is asked for."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars


def from_arrow(streams: Iterable[bytes], limit: int | None) -> "polars.DataFrame":
    """Return one frame of Arrow IPC streams, read until there are ``limit`` rows."""
    import polars

    found: list[polars.DataFrame] = []
    for stream in streams:
        found.append(polars.read_ipc_stream(stream))
        if limit is not None and sum(frame.height for frame in found) >= limit:
            break
    return polars.concat(found).head(limit) if limit is not None else polars.concat(found)


def to_pandas(frame: "polars.DataFrame") -> Any:
    """Return a pandas frame, column by column; decimals become floats, which have 15 digits."""
    import pandas
    import polars

    plain = frame.with_columns(polars.selectors.decimal().cast(polars.Float64))
    numeric = {name for name, kind in plain.schema.items() if kind.is_numeric()}
    return pandas.DataFrame(
        {item.name: item.to_numpy() if item.name in numeric else item.to_list() for item in plain}
    )
