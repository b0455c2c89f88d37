"""``app etl sample``: write a synthetic delivery. Registered by ``app.cli.etl``."""

import time
from pathlib import Path
from typing import Annotated

import typer

from app.cli.output import Json, emit


def sample(
    rows: Annotated[int, typer.Option(min=1, help="Data rows to write.")],
    out: Annotated[Path, typer.Option(help="File to write: .csv or .csv.gz.")],
    seed: Annotated[int, typer.Option(min=0, help="The same rows and seed give the same file.")] = 0,
    as_json: Json = False,
) -> None:
    """Write a synthetic delivery with realistic shape and dirt."""
    from app.etl.sample import write_sample  # late: numpy and polars

    started = time.monotonic()
    written = write_sample(rows, seed, out)
    seconds = round(time.monotonic() - started, 3)
    document = {"file": str(out), "rows": written.rows, "bytes": written.bytes, "seconds": seconds}
    emit(
        document,
        as_json,
        lambda console: console.print(f"{out}: {rows:,} rows, {written.bytes:,} bytes in {seconds:.1f} s"),
    )
