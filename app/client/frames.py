"""Arrow as data frames. Neither Polars nor pandas is loaded before a frame is asked for."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from app.client.errors import UnexpectedAnswer

if TYPE_CHECKING:
    import polars


#: How a whole stream ends; one that was cut between two batches reads as well without it.
#: https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format
END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"


def from_arrow(streams: Iterable[bytes], limit: int | None) -> "polars.DataFrame":
    """Return one frame of Arrow IPC streams, read until there are ``limit`` rows.

    Raises:
        UnexpectedAnswer: a stream is cut off, or is none, or they do not go together.
    """
    import polars

    found: list[polars.DataFrame] = []
    for stream in streams:
        found.append(_frame(stream))
        if limit is not None and sum(frame.height for frame in found) >= limit:
            break
    try:
        whole = polars.concat(found)
    except polars.exceptions.PolarsError as error:
        raise UnexpectedAnswer("pages of one listing have different columns") from error
    return whole.head(limit) if limit is not None else whole


def _frame(stream: bytes) -> "polars.DataFrame":
    import polars

    if not stream.endswith(END_OF_STREAM):
        raise UnexpectedAnswer("the rows break off: the Arrow stream has no end")
    try:
        return polars.read_ipc_stream(stream)
    except (polars.exceptions.PolarsError, OSError) as error:
        raise UnexpectedAnswer(f"what was answered is no Arrow stream: {error}") from error


def to_pandas(frame: "polars.DataFrame") -> Any:
    """Return a pandas frame, column by column; decimals become floats, which have 15 digits."""
    import pandas
    import polars

    plain = frame.with_columns(polars.selectors.decimal().cast(polars.Float64))
    numeric = {name for name, kind in plain.schema.items() if kind.is_numeric()}
    return pandas.DataFrame(
        {item.name: item.to_numpy() if item.name in numeric else item.to_list() for item in plain}
    )
