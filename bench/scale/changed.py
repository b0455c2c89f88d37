"""The next delivery: one row in a hundred has another popularity, no other changes. changed.py FILE OUT"""

import sys

import polars as pl

ONE_IN = 100


def main(file: str, out: str) -> None:
    """Write the next delivery, in memory that does not grow with it."""
    rows = pl.scan_csv(file, infer_schema=False, truncate_ragged_lines=True).with_row_index("place")
    popularity = pl.when(pl.col("place") % ONE_IN == 0).then(pl.lit("1.25")).otherwise(pl.col("popularity"))
    rows.with_columns(popularity.alias("popularity")).drop("place").sink_csv(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
